/**
 * Accounts in LMDB: a folder of its own inside the data directory, so that they never wait for commits of documents. As
 * with documents, several processes may share it.
 */
import { join, resolve } from 'node:path';
import { open, type RootDatabase, type RootDatabaseOptionsWithPath } from 'lmdb';
import { KeyValueAccounts, type KeyValueStore, type Records } from '../accounts/key-value.js';
import type { AccountStore } from '../accounts/port.js';
import { damaged, dataName } from './before-open.js';
import { accounts } from './environments/accounts.js';
import { folderOf } from './environments/list.js';
import { DataFile } from './file/data-file.js';
import { exhaust, walk } from './file/walk.js';
import { openChecked } from './folder.js';

type AccountDatabase = RootDatabase<unknown, string>;

const mapSize = 1024 ** 3;
const formatKey = accounts.formatKey.toString();

/**
 * Opens the accounts of a data directory, and creates them if there are none.
 *
 * @throws Error that names the folder and what is wrong with it.
 */
export function openLmdbAccounts(directory: string): AccountStore {
  const database = openChecked({
    path: folderOf(resolve(directory), accounts),
    environment: accounts,
    open: (path) => open<unknown, string>(optionsOf(path)),
    check: (opened, path) => {
      checkPages(opened, path);
      checkFormat(opened, path);
    },
  });
  return new KeyValueAccounts(new LmdbStore(database));
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

/**
 * Follows all pages: unlike a document, an account is read without a check of its pages, and LMDB ends the process when
 * one is damaged. In a read transaction, as others may write meanwhile.
 */
function checkPages(database: AccountDatabase, path: string): void {
  const snapshot = database.useReadTransaction();
  const file = new DataFile(join(path, dataName));
  try {
    const meta = file.meta();
    exhaust(walk(file, meta, meta.main));
  } catch (cause) {
    throw damaged(path, cause);
  } finally {
    file.close();
    snapshot.done();
  }
}

/** Writes the version of the layout where there is none yet; a store with another one is refused. */
function checkFormat(database: AccountDatabase, path: string): void {
  const found = database.get(formatKey);
  if (found === undefined) database.putSync(formatKey, accounts.formatVersion);
  else if (found !== accounts.formatVersion) {
    throw new Error(
      `The accounts in ${path} have format ${JSON.stringify(found)}, and this version reads format ${accounts.formatVersion}`,
    );
  }
}

class LmdbStore implements KeyValueStore {
  readonly committed: Records;
  readonly #database: AccountDatabase;

  constructor(database: AccountDatabase) {
    this.#database = database;
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

  async transact<Result>(action: (records: Records) => Result): Promise<Result> {
    let failure: unknown;
    try {
      return await this.#database.transaction(() => {
        try {
          return action(this.committed);
        } catch (error) {
          failure = error; // lmdb's own rejection has no cause
          throw error;
        }
      });
    } catch (error) {
      throw failure ?? error;
    }
  }

  async close(): Promise<void> {
    await this.#database.close();
  }
}
