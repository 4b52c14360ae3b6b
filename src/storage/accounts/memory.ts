/** Accounts in memory: for tests and throw-away nodes. */
import { KeyValueAccounts, type KeyValueStore, type Records } from './key-value.js';
import type { AccountStore } from './port.js';

export function openMemoryAccounts(): AccountStore {
  return new KeyValueAccounts(new MemoryStore());
}

export class MemoryStore implements KeyValueStore {
  readonly #values = new Map<string, unknown>();
  readonly committed: Records = {
    get: (key) => this.#values.get(key),
    put: (key, value) => {
      this.#values.set(key, value);
    },
    remove: (key) => {
      this.#values.delete(key);
    },
    range: (prefix, after = prefix) =>
      [...this.#values]
        .filter(([key]) => key.startsWith(prefix) && key > after)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, value]) => ({ key, value })),
  };

  /** What throws may leave half of its writes: nothing here does. */
  async transact<Result>(action: (records: Records) => Result): Promise<Result> {
    return action(this.committed);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
