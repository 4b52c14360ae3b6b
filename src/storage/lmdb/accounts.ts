/**
 * Accounts in LMDB: a folder of its own inside the data directory, so that they never wait for commits of documents. As
 * with documents, several processes may share it.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { open, type RootDatabase, type RootDatabaseOptionsWithPath } from 'lmdb';
import { KeyValueAccounts, type KeyValueStore, type Records } from '../accounts/key-value.js';
import type { AccountStore } from '../accounts/port.js';

const folder = 'accounts';
const mapSize = 1024 ** 3;
/** The layout of key-value.ts; a store with another one is refused. */
const formatKey = 'format';
const format = 1;

/**
 * Opens the accounts of a data directory, and creates them if there are none.
 *
 * @throws Error that names the folder and what is wrong with it.
 */
export function openLmdbAccounts(directory: string): AccountStore {
  const path = join(directory, folder);
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    // `permissionsMode` is not in lmdb's types, but read by its open().
    const options: RootDatabaseOptionsWithPath & { permissionsMode: number } = {
      path,
      mapSize,
      noSubdir: false,
      overlappingSync: false,
      eventTurnBatching: false,
      permissionsMode: 0o600,
    };
    const database: RootDatabase<unknown, string> = open<unknown, string>(options);
    const found = database.get(formatKey);
    if (found === undefined) database.putSync(formatKey, format);
    else if (found !== format) throw new Error(`its format is not ${format}, which this version reads`);
    return new KeyValueAccounts(new LmdbStore(database));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`The accounts in ${path} can't be opened: ${reason}`, { cause });
  }
}

class LmdbStore implements KeyValueStore {
  readonly committed: Records;
  readonly #database: RootDatabase<unknown, string>;

  constructor(database: RootDatabase<unknown, string>) {
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
