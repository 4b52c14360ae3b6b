/**
 * Accounts in LMDB: a folder of its own inside the data directory, so that they never wait for commits of documents. As
 * with documents, several processes may share it.
 */
import { KeyValueAccounts, type KeyValueStore, type Records } from '../accounts/key-value.js';
import type { AccountStore } from '../accounts/port.js';
import { accounts } from './environments/accounts.js';
import { openKeyValue, recordsOf, type KeyValueDatabase } from './key-value.js';

const mapSize = 1024 ** 3;

/** Opens the accounts of a data directory. @throws As `openKeyValue`. */
export function openLmdbAccounts(directory: string): AccountStore {
  const { database } = openKeyValue({ directory, environment: accounts, mapSize });
  return new KeyValueAccounts(new LmdbStore(database));
}

class LmdbStore implements KeyValueStore {
  readonly committed: Records;
  readonly #database: KeyValueDatabase;

  constructor(database: KeyValueDatabase) {
    this.#database = database;
    this.committed = recordsOf(database);
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
