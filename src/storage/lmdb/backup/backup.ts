/**
 * Copies the databases of a data directory to a folder, each from one snapshot of it, while servers write. The copy is made
 * of the entries and not of the pages: it is as small as they are, and everything that is in it was read and checked.
 */

import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, fsyncSync, openSync, closeSync, readdirSync, renameSync, rmSync, statfsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { makeFolder, dataName, lockName } from '../before-open.js';
import { isFeedKey } from '../changes/keys.js';
import type { Environment } from '../environments/environment.js';
import { environmentsOf, folderOf } from '../environments/list.js';
import { openForCopy, type ByteStore } from '../folder.js';
import { encodeFormat } from '../format.js';
import { writeMarker } from '../marker.js';
import { DamagedDatabase, inspect, type Inspection, type Sink } from './inspect.js';
import { manifestName, writeManifest, type Part } from './manifest.js';
import { placeOf } from './place.js';

export interface BackupOptions {
  /** Data directory. */
  readonly from: string;
  /** Folder to make; an empty one may be there. */
  readonly to: string;
  /** Whether to leave out what is damaged, instead of making no backup. */
  readonly skipDamaged: boolean;
}

/** Space that is left on the disk of the backup, in bytes. */
const spareBytes = 16 * 1024 ** 2;

/** What was copied of an environment. */
export interface Copied extends Inspection {
  readonly environment: Environment;
  /** Undefined when nothing of it could be read. */
  readonly part: Part | undefined;
}

/**
 * @returns What was copied of each environment, and in `problems` what was left out.
 * @throws Error with a sentence; then nothing is left of the copy.
 */
export async function backup({ from, to, skipDamaged }: BackupOptions): Promise<Copied[]> {
  const target = placeOf(to);
  if (target === resolve(from)) throw new Error('A backup needs a folder of its own');
  makeFolder(dirname(target));
  if (entriesOf(target).length > 0) throw new Error(`The folder ${target} is not empty: a backup overwrites nothing`);
  // Ids of processes come back, in a container at once: what an interrupted backup left must not get into this one.
  const partial = `${target}.partial-${randomBytes(6).toString('hex')}`;
  makeFolder(partial);
  try {
    const created = new Date().toISOString();
    const all: Copied[] = [];
    for (const environment of environmentsOf(from)) all.push(await copyOrSkip(from, partial, environment, skipDamaged));
    const problems = all.flatMap((copied) => copied.problems);
    if (problems.length > 0 && !skipDamaged) {
      throw new Error(
        [`The database in ${from} is damaged: no backup was made. --skip-damaged leaves out this:`, ...problems].join(
          '\n',
        ),
      );
    }
    const parts = all.flatMap(({ environment, part }) => (part === undefined ? [] : [[environment, part] as const]));
    writeManifest(partial, { created, parts: new Map(parts) });
    for (const path of [join(partial, manifestName), partial]) sync(path);
    renameSync(partial, target);
    sync(dirname(target));
    return all;
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    throw error;
  }
}

/** Without accounts of which nothing can be read, the documents are still worth a backup. */
async function copyOrSkip(from: string, to: string, environment: Environment, skipDamaged: boolean): Promise<Copied> {
  try {
    return await copy(from, to, environment);
  } catch (error) {
    if (environment.folder === '' || !(error instanceof DamagedDatabase)) throw error;
    if (!skipDamaged) throw new Error(`${error.message}. --skip-damaged makes a backup without it`, { cause: error });
    rmSync(folderOf(to, environment), { recursive: true, force: true });
    return { environment, bytes: 0, counts: {}, problems: [error.message], part: undefined };
  }
}

async function copy(from: string, to: string, environment: Environment): Promise<Copied> {
  const folder = folderOf(to, environment);
  makeFolder(folder);
  const store = openForCopy(folder);
  let copied: Inspection;
  try {
    copied = await inspect(from, environment, { sink: sinkInto(store, folder) });
    // It may be among what is damaged; without it, the copy could not be opened.
    if (store.get(environment.formatKey) === undefined)
      await store.put(environment.formatKey, encodeFormat(environment.formatVersion));
  } finally {
    await store.close();
  }
  const { counts, problems } = copied;
  const again = await inspect(to, environment, { isAlone: true });
  if (again.problems.length > 0 || !isDeepStrictEqual(again.counts, counts))
    throw new Error(`The copy in ${folder} is not what was read: the disk fails`);
  rmSync(join(folder, lockName), { force: true });
  const sha256 = await digestOf(join(folder, dataName));
  writeMarker(folder);
  for (const path of [join(folder, dataName), folder]) sync(path);
  return {
    environment,
    bytes: again.bytes,
    counts,
    problems,
    part: { format: environment.formatVersion, sha256, counts },
  };
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
      // Readers of the feed begin anew after a restore, which takes commits back that they know.
      if (isFeedKey(key)) return;
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
