/** Whether a process has an environment open. */

import { readFileSync, readdirSync, statSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { lockName } from '../before-open.js';

/**
 * LMDB holds a lock of its lock file as long as a process has the environment open.
 *
 * @param target Its folder.
 * @throws Error that names the process.
 */
export function refuseOpen(target: string): void {
  const lock = join(target, lockName);
  const stats = statSync(lock, { throwIfNoEntry: false });
  if (stats === undefined) return;
  for (const line of readFileSync('/proc/locks', 'utf8').split('\n')) {
    const [, pid, place] = /^\d+: (?:-> )?\w+\s+\w+\s+\w+\s+(-?\d+)\s+(\S+)/.exec(line) ?? [];
    if (pid === undefined || place?.split(':').at(-1) !== String(stats.ino) || !hasOpen(pid, stats)) continue;
    throw new Error(`Process ${pid} has the database in ${target} open: end it first`);
  }
}

/** Whether a process that locks a file of this inode has this one, by whatever path; true when that can't be seen. */
function hasOpen(pid: string, { dev, ino }: Stats): boolean {
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).some((descriptor) => {
      // It may have been closed meanwhile.
      const open = statSync(join(folder, descriptor), { throwIfNoEntry: false });
      return open?.dev === dev && open.ino === ino;
    });
  } catch {
    return true;
  }
}
