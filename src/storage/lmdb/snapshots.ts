/**
 * Snapshots in LMDB: a folder of its own inside the data directory, so that commits of documents never wait for a large
 * state. Several processes may share it.
 */
import { join, resolve } from 'node:path';
import { open, type RootDatabase, type RootDatabaseOptionsWithPath } from 'lmdb';
import type { KeyValueStore, Records } from '../accounts/key-value.js';
import { KeyValueSnapshots } from '../snapshots/key-value.js';
import type { SnapshotStore } from '../snapshots/port.js';
import { damaged, dataName } from './before-open.js';
import { folderOf } from './environments/list.js';
import { snapshots } from './environments/snapshots.js';
import { DataFile } from './file/data-file.js';
import { exhaust, walk } from './file/walk.js';
import { openChecked, type ByteStore } from './folder.js';
import { Transactions } from './transactions.js';

type SnapshotDatabase = RootDatabase<unknown, string>;

/** Address space, not memory; LMDB maps the file anew when it outgrows it. */
const mapSize = 16 * 1024 ** 3;
/** What a transaction that adds nothing writes at most, in bytes. */
const usualBytes = 1024 ** 2;
const formatKey = snapshots.formatKey.toString();

/**
 * Opens the snapshots of a data directory, and creates them if there are none. To be called once in a thread.
 *
 * @throws Error that names the folder and what is wrong with it.
 */
export function openLmdbSnapshots(directory: string): SnapshotStore {
  const path = folderOf(resolve(directory), snapshots);
  const database = openChecked({
    path,
    environment: snapshots,
    open: (folder) => open<unknown, string>(optionsOf(folder)),
    check: (opened, folder) => {
      checkPages(opened, folder);
      checkFormat(opened, folder);
    },
  });
  return new KeyValueSnapshots(new LmdbStore(database, path));
}

function optionsOf(path: string): RootDatabaseOptionsWithPath & { permissionsMode: number } {
  return {
    path,
    mapSize,
    noSubdir: false,
    overlappingSync: false,
    eventTurnBatching: false,
    // Not in lmdb's types, but read by its open().
    permissionsMode: 0o600,
  };
}

/** LMDB ends the process when it reads a damaged page: all of them are followed first. */
function checkPages(database: SnapshotDatabase, path: string): void {
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
function checkFormat(database: SnapshotDatabase, path: string): void {
  const found = database.get(formatKey);
  if (found === undefined) database.putSync(formatKey, snapshots.formatVersion);
  else if (found !== snapshots.formatVersion) {
    throw new Error(
      `The snapshots in ${path} have format ${JSON.stringify(found)}, and this version reads format ${snapshots.formatVersion}`,
    );
  }
}

class LmdbStore implements KeyValueStore {
  readonly committed: Records;
  readonly #transactions: Transactions;

  constructor(database: SnapshotDatabase, path: string) {
    // It looks at neither keys nor values.
    this.#transactions = new Transactions(database as unknown as ByteStore, { directory: path });
    this.committed = {
      get: (key) => database.get(key),
      // Within a transaction they take part in it.
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

  transact<Result>(action: (records: Records) => Result, bytes = usualBytes): Promise<Result> {
    return this.#transactions.write(bytes, () => action(this.committed));
  }

  close(): Promise<void> {
    return this.#transactions.close();
  }
}
