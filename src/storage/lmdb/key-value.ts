/** Environments of entries that are read one by one: texts as keys, msgpack as values, in a folder of their own. */
import { join, resolve } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import type { Records } from '../accounts/key-value.js';
import { damaged, dataName } from './before-open.js';
import type { Environment } from './environments/environment.js';
import { folderOf } from './environments/list.js';
import { DataFile } from './file/data-file.js';
import { exhaust, walk } from './file/walk.js';
import { openChecked } from './folder.js';

export type KeyValueDatabase = RootDatabase<unknown, string>;

export interface KeyValueFolder {
  /** The data directory. */
  readonly directory: string;
  readonly environment: Environment;
  /** Address space in bytes, not memory; LMDB maps the file anew when it outgrows it. */
  readonly mapSize: number;
}

/**
 * Opens an environment, and creates it if there is none. To be called once in a thread.
 *
 * @returns The database and its folder.
 * @throws Error that names the folder and what is wrong with it.
 */
export function openKeyValue({ directory, environment, mapSize }: KeyValueFolder): {
  readonly database: KeyValueDatabase;
  readonly path: string;
} {
  const path = folderOf(resolve(directory), environment);
  const database = openChecked({
    path,
    environment,
    open: (folder) => {
      const options = { path: folder, mapSize, noSubdir: false, overlappingSync: false, eventTurnBatching: false };
      // `permissionsMode` is not in lmdb's types, but read by its open().
      return open<unknown, string>({ ...options, ...{ permissionsMode: 0o600 } });
    },
    check: (opened, folder) => {
      checkPages(opened, folder);
      checkFormat(opened, folder, environment);
    },
  });
  return { database, path };
}

/** The entries; within a transaction, what is put and removed takes part in it. */
export function recordsOf(database: KeyValueDatabase): Records {
  return {
    get: (key) => database.get(key),
    put: (key, value) => {
      void database.put(key, value);
    },
    remove: (key) => {
      void database.remove(key);
    },
    range: (prefix, after = prefix) =>
      database.getRange({ start: after, end: `${prefix}\uffff`, exclusiveStart: true }),
  };
}

/**
 * Follows all pages: unlike a document, an entry is read without a check of its pages, and LMDB ends the process when
 * one is damaged. In a read transaction, as others may write meanwhile.
 */
function checkPages(database: KeyValueDatabase, path: string): void {
  const transaction = database.useReadTransaction();
  const file = new DataFile(join(path, dataName));
  try {
    const meta = file.meta();
    exhaust(walk(file, meta, meta.main));
  } catch (cause) {
    throw damaged(path, cause);
  } finally {
    file.close();
    transaction.done();
  }
}

/** Writes the version of the layout where there is none yet; a store with another one is refused. */
function checkFormat(database: KeyValueDatabase, path: string, { name, formatKey, formatVersion }: Environment): void {
  const key = formatKey.toString();
  const found = database.get(key);
  if (found === undefined) database.putSync(key, formatVersion);
  else if (found !== formatVersion) {
    throw new Error(
      `The ${name} in ${path} have format ${JSON.stringify(found)}, and this version reads format ${formatVersion}`,
    );
  }
}
