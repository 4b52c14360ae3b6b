/** Storage in a folder of this host: LMDB, for one node or for several processes that share the folder. */

import { setImmediate } from 'node:timers/promises';
import type { Transaction } from 'lmdb';
import { openFolder, type ByteStore, type FolderOptions } from './embedded-folder.js';
import { CorruptEntry, decodeDocument, decodeField, documentEnd, documentKey, pathOfKey } from './embedded-format.js';
import { messageOf, Transactions, type TransactionOptions } from './embedded-transactions.js';
import { prepare, write, type PreparedCommit } from './embedded-write.js';
import { checkDocumentId } from './limits.js';
import type { DocumentChange, FieldRow, RefusedRow, Storage, StoredDocument } from './port.js';

/**
 * Opens the embedded storage, and makes it when it is not there. Any number of threads and processes of one host may
 * open the same folder, but each thread only once: opening waits for the commits that run, and a thread that waits for
 * its own would wait for ever. Throws an Error that says what is wrong with the folder.
 */
export function openEmbeddedStorage(options: FolderOptions & TransactionOptions): Storage {
  return new EmbeddedStorage(openFolder(options), options);
}

interface WaitingCommit {
  readonly commit: PreparedCommit;
  readonly resolve: (refused: RefusedRow[]) => void;
  readonly reject: (reason: unknown) => void;
}

/** Rows that loads read before they let others have the thread. */
const rowsPerTurn = 1_000;
/** Commits that wait are joined in one transaction, and so in one sync, up to this many rows. */
const rowsPerTransaction = 1_000;

class EmbeddedStorage implements Storage {
  readonly durable = true;
  readonly #store: ByteStore;
  readonly #directory: string;
  readonly #transactions: Transactions;
  readonly #waiting: WaitingCommit[] = [];
  readonly #loads = new Set<Promise<unknown>>();
  #rowsRead = 0;
  #writer: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(store: ByteStore, options: TransactionOptions) {
    this.#store = store;
    this.#directory = options.directory;
    this.#transactions = new Transactions(store, options);
  }

  async load(documentIds: readonly string[]): Promise<StoredDocument[]> {
    this.#checkOpen();
    documentIds.forEach(checkDocumentId);
    const load = this.#loadAll(documentIds);
    this.#loads.add(load);
    try {
      return await load;
    } finally {
      this.#loads.delete(load);
    }
  }

  async commit(changes: readonly DocumentChange[]): Promise<RefusedRow[]> {
    this.#checkOpen();
    const commit = prepare(changes);
    if (commit.documents.length === 0) return [...commit.refused];
    const done = new Promise<RefusedRow[]>((resolve, reject) => {
      this.#waiting.push({ commit, resolve, reject });
    });
    this.#writer ??= this.#writeWaiting();
    return done;
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  /** All documents from one snapshot, which the explicit transaction holds while others have the thread. */
  async #loadAll(documentIds: readonly string[]): Promise<StoredDocument[]> {
    const snapshot = this.#transactions.snapshot();
    try {
      const documents: StoredDocument[] = [];
      for (const documentId of documentIds) documents.push(await this.#read(documentId, snapshot));
      return documents;
    } finally {
      snapshot.done();
    }
  }

  async #read(documentId: string, transaction: Transaction): Promise<StoredDocument> {
    const start = documentKey(documentId);
    let stamp: number | undefined;
    const fields: FieldRow[] = [];
    try {
      for (const { key, value } of this.#store.getRange({ start, end: documentEnd(documentId), transaction })) {
        if (key.byteLength === start.byteLength) stamp = decodeDocument(value).stamp;
        else fields.push(decodeField(pathOfKey(key, start.byteLength), value));
        if (++this.#rowsRead % rowsPerTurn === 0) await setImmediate();
      }
      if (stamp === undefined && fields.length > 0) throw new CorruptEntry('it has fields, but no record of its own');
    } catch (cause) {
      throw new Error(`Document ${documentId} can't be read from ${this.#directory}: ${messageOf(cause)}`, { cause });
    }
    return { stamp: stamp ?? 0, fields };
  }

  /**
   * One transaction at a time, with all that came in the meantime, so that a shard that waits for the disk or for other
   * writers takes one thread of libuv's pool and not all of them.
   */
  async #writeWaiting(): Promise<void> {
    await Promise.resolve(); // the other commits of this turn join
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup();
      try {
        const bytes = group.reduce((sum, { commit }) => sum + commit.bytes, 0);
        const refused = await this.#transactions.write(bytes, () =>
          group.map(({ commit }) => [...commit.refused, ...write(this.#store, commit)]),
        );
        group.forEach(({ resolve }, i) => {
          resolve(refused[i] ?? []);
        });
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#writer = undefined;
  }

  #takeGroup(): WaitingCommit[] {
    let rows = 0;
    const tooMuch = this.#waiting.findIndex(({ commit }, i) => (rows += commit.rows) > rowsPerTransaction && i > 0);
    return this.#waiting.splice(0, tooMuch === -1 ? this.#waiting.length : tooMuch);
  }

  async #finish(): Promise<void> {
    await Promise.allSettled([...this.#loads, this.#writer]);
    await this.#transactions.close();
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new Error('The storage is closed');
  }
}
