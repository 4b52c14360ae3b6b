/** The files of the pages, read once: the compiled scripts, and what is served as it was written. */
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, sep } from 'node:path';
import { packageFolder } from '../../version.js';

export interface Asset {
  /** Its `Content-Type`. */
  readonly type: string;
  readonly bytes: Buffer;
}

const types: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Where they are in the package, by the path below `/assets/` at which they are found. */
const folders = { '': 'dist/assets', 'web/': 'src/web' };

/**
 * By the path below `/assets/`, such as `web/shared/base.css`.
 *
 * @throws Error When the package was not built or is incomplete.
 */
export function readAssets(): ReadonlyMap<string, Asset> {
  const assets = new Map<string, Asset>();
  for (const [prefix, name] of Object.entries(folders)) {
    const folder = join(packageFolder, name);
    for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      const type = types[extname(path)];
      if (type === undefined) continue;
      assets.set(prefix + path.split(sep).join('/'), { type, bytes: readFileSync(join(folder, path)) });
    }
  }
  return assets;
}
