/**
 * Copies a database to a folder, from one snapshot of it, while servers write. The copy is made of the entries and not of the
 * pages: it is as small as they are, and everything that is in it was read and checked.
 */

import { createHash, randomBytes } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  fsyncSync,
  openSync,
  closeSync,
  lstatSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { makeFolder, dataName, lockName } from './before-open.js';
import { openForCopy, type ByteStore } from './folder.js';
import { formatVersion } from './format.js';
import { inspect, type Inspection, type Sink } from './inspect.js';
import { writeMarker } from './marker.js';

export const manifestName = 'backup.json';

/** What `backup.json` says about the data beside it. */
export interface Manifest {
  /** Of the layout of documents. */
  readonly format: number;
  /** When it was begun, in ISO 8601: everything that was acknowledged before is in it. */
  readonly created: string;
  readonly documents: number;
  readonly fields: number;
  readonly updates: number;
  /** Of `data.mdb`, in hexadecimal digits. */
  readonly sha256: string;
}

export interface BackupOptions {
  /** Folder of the storage. */
  readonly from: string;
  /** Folder to make; an empty one may be there. */
  readonly to: string;
  /** Whether to leave out what is damaged, instead of making no backup. */
  readonly skipDamaged: boolean;
}

/** Space that is left on the disk of the backup, in bytes. */
const spareBytes = 16 * 1024 ** 2;

/**
 * @returns What was copied, and in `problems` what was left out.
 * @throws Error with a sentence; then nothing is left of the copy.
 */
export async function backup({ from, to, skipDamaged }: BackupOptions): Promise<Inspection> {
  const target = placeOf(to);
  if (target === resolve(from)) throw new Error('A backup needs a folder of its own');
  makeFolder(dirname(target));
  if (entriesOf(target).length > 0) throw new Error(`The folder ${target} is not empty: a backup overwrites nothing`);
  // Ids of processes come back, in a container at once: what an interrupted backup left must not get into this one.
  const partial = `${target}.partial-${randomBytes(6).toString('hex')}`;
  makeFolder(partial);
  try {
    const created = new Date().toISOString();
    const copied = await copy(from, partial);
    if (copied.problems.length > 0 && !skipDamaged) {
      throw new Error(
        [
          `The database in ${from} is damaged: no backup was made. --skip-damaged leaves out this:`,
          ...copied.problems,
        ].join('\n'),
      );
    }
    const { documents, fields, updates } = copied;
    const again = await inspect(partial, { isAlone: true });
    if (
      again.problems.length > 0 ||
      again.documents !== documents ||
      again.fields !== fields ||
      again.updates !== updates
    ) {
      throw new Error(`The copy in ${partial} is not what was read: the disk fails`);
    }
    rmSync(join(partial, lockName), { force: true });
    const sha256 = await digestOf(join(partial, dataName));
    const manifest: Manifest = { format: formatVersion, created, documents, fields, updates, sha256 };
    writeFileSync(join(partial, manifestName), `${JSON.stringify(manifest, undefined, 2)}\n`, { mode: 0o600 });
    writeMarker(partial);
    for (const path of [join(partial, manifestName), join(partial, dataName), partial]) sync(path);
    renameSync(partial, target);
    sync(dirname(target));
    return { ...copied, bytes: again.bytes };
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    throw error;
  }
}

/**
 * The folder that a path means, to which a copy can be moved at its end.
 *
 * @throws Error when it is a mount point, or a link that leads nowhere.
 */
function placeOf(to: string): string {
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

async function copy(from: string, to: string): Promise<Inspection> {
  const store = openForCopy(to);
  try {
    return await inspect(from, { sink: sinkInto(store, to) });
  } finally {
    await store.close();
  }
}

function sinkInto(store: ByteStore, directory: string): Sink {
  let batch: [key: Buffer, value: Buffer][] = [];
  let bytes = 0;
  const write = (): void => {
    const { bavail, bsize } = statfsSync(directory);
    // LMDB must not find the disk full; see transactions.ts.
    if (bavail * bsize < 3 * bytes + spareBytes)
      throw new Error(`The disk of ${directory} is full: no backup was made`);
    store.transactionSync(() => {
      for (const [key, value] of batch) store.putSync(key, value);
    });
    batch = [];
    bytes = 0;
  };
  return {
    entry: (key, value) => {
      batch.push([Buffer.from(key), Buffer.from(value)]);
      bytes += key.length + value.length;
    },
    flush: () => {
      write();
      return Promise.resolve();
    },
  };
}

/** @returns The names in a folder; none when there is no folder. @throws Error when it is something else. */
export function entriesOf(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new Error(`${path} is not a folder that can be read: ${(error as Error).message}`, { cause: error });
  }
}

export async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest('hex');
}

/** Makes a file, or the entries of a folder, durable. */
export function sync(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
