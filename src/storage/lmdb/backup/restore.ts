/** Puts a backup in the place of a database that no server has open. */

import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  type Stats,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { digestOf, entriesOf, manifestName, sync, type Manifest } from './backup.js';
import { dataName, lockName, makeFolder } from './before-open.js';
import { formatVersion } from './format.js';
import { inspect } from './inspect.js';
import { markerName, writeMarker } from './marker.js';

export interface RestoreOptions {
  /** Folder of the backup. */
  readonly from: string;
  /** Folder of the storage; made if it does not exist. */
  readonly to: string;
  /** Whether a database that is there is replaced; it is moved to a folder inside. */
  readonly force: boolean;
}

/**
 * @returns What was restored, and where to the former database was moved, if there was one.
 * @throws Error with a sentence; then the folder is as it was.
 */
export async function restore({ from, to, force }: RestoreOptions): Promise<Manifest & { readonly replaced?: string }> {
  const source = resolve(from);
  const target = resolve(to);
  if (source === target) throw new Error('The backup lies in the folder of the storage itself');
  const manifest = await checkBackup(source);
  makeFolder(target);
  refuseOpen(target);
  const holdsData = (statSync(join(target, dataName), { throwIfNoEntry: false })?.size ?? 0) > 0;
  if (holdsData && !force) {
    throw new Error(`There is a database in ${target}. --force restores the backup, and moves the present one aside`);
  }
  const arriving = join(target, `${dataName}.restoring`);
  try {
    copyFileSync(join(source, dataName), arriving);
    sync(arriving);
    if ((await digestOf(arriving)) !== manifest.sha256)
      throw new Error(`The copy in ${target} is not the backup: the disk fails`);
    refuseOpen(target);
    const replaced = holdsData ? moveAside(target) : undefined;
    // Of a process that ended: its readers are none of this file.
    rmSync(join(target, lockName), { force: true, recursive: true });
    renameSync(arriving, join(target, dataName));
    writeMarker(target);
    sync(target);
    return replaced === undefined ? manifest : { ...manifest, replaced };
  } finally {
    rmSync(arriving, { force: true });
  }
}

async function checkBackup(source: string): Promise<Manifest> {
  const path = join(source, manifestName);
  if (!existsSync(path)) {
    const state = entriesOf(source).length === 0 ? 'is empty or not there' : `has no ${manifestName}`;
    throw new Error(`${source} is not a backup: it ${state}`);
  }
  const damaged = (what: string): Error =>
    new Error(`The backup in ${source} is damaged: ${what}. Nothing was restored`);
  const manifest = readManifest(path);
  if (manifest === undefined) throw damaged(`${manifestName} can't be read`);
  if (manifest.format > formatVersion) {
    throw new Error(`The backup in ${source} is of a newer version of this server: it has format ${manifest.format}`);
  }
  if (!existsSync(join(source, dataName))) throw damaged(`${dataName} is missing`);
  if ((await digestOf(join(source, dataName))) !== manifest.sha256)
    throw damaged(`${dataName} is not what was written`);
  const { problems, documents } = await inspect(source, { isAlone: true });
  if (problems.length > 0) throw damaged(problems.join('; '));
  if (documents !== manifest.documents) throw damaged(`it has ${documents} documents instead of ${manifest.documents}`);
  return manifest;
}

function readManifest(path: string): Manifest | undefined {
  let manifest: Partial<Record<keyof Manifest, unknown>>;
  try {
    manifest = JSON.parse(readFileSync(path, 'utf8')) as typeof manifest;
  } catch {
    return undefined;
  }
  const { format, created, documents, fields, updates, sha256 } = manifest;
  const counts = [format, documents, fields, updates];
  const isWhole = counts.every(Number.isSafeInteger) && typeof created === 'string' && typeof sha256 === 'string';
  return isWhole ? (manifest as Manifest) : undefined;
}

function moveAside(target: string): string {
  const replaced = join(target, `replaced-${new Date().toISOString().replaceAll(':', '-')}`);
  mkdirSync(replaced, { mode: 0o700 });
  // The marker stays: without it, a server would begin with nothing if this process ended now.
  if (existsSync(join(target, markerName))) copyFileSync(join(target, markerName), join(replaced, markerName));
  else writeMarker(target);
  renameSync(join(target, dataName), join(replaced, dataName));
  return replaced;
}

/** LMDB holds a lock of its lock file as long as a process has the database open. */
function refuseOpen(target: string): void {
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
