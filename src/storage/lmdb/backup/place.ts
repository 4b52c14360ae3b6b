import { existsSync, lstatSync, readFileSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';

/**
 * The folder that a path means, to which a copy can be moved at its end.
 *
 * @throws Error when it is a mount point, or a link that leads nowhere.
 */
export function placeOf(to: string): string {
  const path = resolve(to);
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return path;
  if (!existsSync(path)) throw new Error(`${path} is a link that leads nowhere`);
  const place = realpathSync(path);
  if (isMountPoint(place)) throw new Error(`${place} is a mount point: name a folder in it, which need not be there`);
  return place;
}

function isMountPoint(path: string): boolean {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) =>
      line.split(' ')[4]?.replace(/\\(\d{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8))),
    )
    .includes(path);
}
