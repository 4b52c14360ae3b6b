/**
 * Snapshots in LMDB: a folder of its own inside the data directory, so that commits of documents never wait for a large
 * state. Several processes may share it.
 */
import type { KeyValueStore, Records } from '../accounts/key-value.js';
import { KeyValueSnapshots } from '../snapshots/key-value.js';
import type { SnapshotStore } from '../snapshots/port.js';
import { snapshots } from './environments/snapshots.js';
import type { ByteStore } from './folder.js';
import { openKeyValue, recordsOf, type KeyValueDatabase } from './key-value.js';
import { Transactions } from './transactions.js';

const mapSize = 16 * 1024 ** 3;
/** What a transaction that adds nothing writes at most, in bytes. */
const usualBytes = 1024 ** 2;

/** Opens the snapshots of a data directory. @throws As `openKeyValue`. */
export function openLmdbSnapshots(directory: string): SnapshotStore {
  const { database, path } = openKeyValue({ directory, environment: snapshots, mapSize });
  return new KeyValueSnapshots(new LmdbStore(database, path));
}

/** A store of keys and values whose transactions wait for the disk in a thread of their own. */
export class LmdbStore implements KeyValueStore {
  readonly committed: Records;
  readonly #transactions: Transactions;

  constructor(database: KeyValueDatabase, path: string) {
    // It looks at neither keys nor values.
    this.#transactions = new Transactions(database as unknown as ByteStore, { directory: path });
    this.committed = recordsOf(database);
  }

  transact<Result>(action: (records: Records) => Result, bytes = usualBytes): Promise<Result> {
    return this.#transactions.write(bytes, () => action(this.committed));
  }

  close(): Promise<void> {
    return this.#transactions.close();
  }
}
