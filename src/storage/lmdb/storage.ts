/** Storage in LMDB, in a folder of this host: for one node or for several processes that share the folder. */

import { setImmediate } from 'node:timers/promises';
import type { Transaction } from 'lmdb';
import { openFolder, type ByteStore, type FolderOptions } from './folder.js';
import {
  CorruptEntry,
  decodeDocument,
  decodeField,
  decodeHorizon,
  decodeUpdate,
  documentEnd,
  documentKey,
  isHorizonKey,
  isUpdateKey,
  pathOfKey,
  type DocumentRecord,
} from './format.js';
import { LmdbHistory } from './history/history.js';
import { LmdbLifecycle } from './lifecycle.js';
import { bytesPerRow, prepare, type PreparedCommit } from './prepare.js';
import { PageGuard } from './page-guard.js';
import type { Meta } from './file/meta.js';
import { DamagedNeighbour } from './file/walk.js';
import { LmdbRecorder, rowsPerChange, startRecording } from './changes/recorder.js';
import { messageOf, Transactions, type TransactionOptions } from './transactions.js';
import { write, type Outcome } from './write.js';
import type { Horizon } from '../horizon.js';
import { checkDocumentId, reasonAgainstId } from '../limits.js';
import type { Committed, DocumentChange, FieldRow, Storage, StoredDocument, TextUpdate } from '../port.js';

/**
 * Opens the LMDB storage, and creates it if it does not exist. Any number of threads and processes of one host may open
 * the same folder, but each thread only once: opening waits for running commits, and a thread that waits for its own
 * would wait for ever.
 *
 * @throws Error that names the folder and what is wrong with it.
 */
export function openLmdbStorage(options: LmdbOptions): Storage {
  const store = openFolder(options);
  startRecording(store, options.recordsChanges === true);
  return new LmdbStorage(store, options);
}

export type LmdbOptions = FolderOptions &
  TransactionOptions & {
    /** Whether commits are recorded in the feed of changes: the same in all processes of a folder. Default false. */
    readonly recordsChanges?: boolean;
  };

interface WaitingCommit {
  readonly commit: PreparedCommit;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (reason: unknown) => void;
}

/** Rows and bytes that loads read before they yield to the event loop. */
const rowsPerTurn = 1_000;
const bytesPerTurn = 4 * 1024 ** 2;
/**
 * Waiting commits share one transaction, and so one sync, up to this many rows and bytes: it holds the lock that all
 * writers of the folder wait for.
 */
const rowsPerTransaction = 1_000;
const bytesPerTransaction = 16 * 1024 ** 2;

class LmdbStorage implements Storage {
  readonly durable = true;
  readonly lifecycle: LmdbLifecycle;
  readonly history: LmdbHistory;
  readonly #store: ByteStore;
  readonly #directory: string;
  readonly #recordsChanges: boolean;
  readonly #transactions: Transactions;
  readonly #guard: PageGuard;
  readonly #waiting: WaitingCommit[] = [];
  readonly #loads = new Set<Promise<unknown>>();
  /** Read since loads last yielded. */
  #rowsRead = 0;
  #bytesRead = 0;
  #writer: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(store: ByteStore, options: LmdbOptions) {
    this.#store = store;
    this.#recordsChanges = options.recordsChanges === true;
    this.#directory = options.directory;
    this.#transactions = new Transactions(store, options);
    this.#guard = new PageGuard(store, options.directory);
    const parts = {
      store,
      transactions: this.#transactions,
      guard: this.#guard,
      recorder: () => this.#recorder(),
      checkOpen: () => {
        this.#checkOpen();
      },
    };
    this.history = new LmdbHistory(parts);
    this.lifecycle = new LmdbLifecycle({ ...parts, history: this.history });
  }

  get isLost(): boolean {
    return this.#transactions.isLost;
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

  async commit(changes: readonly DocumentChange[]): Promise<Committed> {
    this.#checkOpen();
    const commit = prepare(changes.map((change) => this.#withoutUnsafeRemoval(change)));
    if (commit.documents.length === 0) return { refused: commit.refused, numbers: new Map() };
    const done = new Promise<Outcome>((resolve, reject) => {
      this.#waiting.push({ commit, resolve, reject });
    });
    this.#writer ??= this.#writeWaiting();
    return done;
  }

  async lastCommits(documentIds: readonly string[]): Promise<number[]> {
    this.#checkOpen();
    documentIds.forEach(checkDocumentId);
    const snapshot = this.#transactions.snapshot();
    try {
      const meta = this.#guard.meta();
      return documentIds.map((documentId) => {
        this.#guard.checkRecord(documentId, meta);
        const record = this.#store.get(documentKey(documentId), { transaction: snapshot });
        return record === undefined ? 0 : decodeDocument(record).commits;
      });
    } finally {
      snapshot.done();
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  /** All documents from one snapshot, which the explicit transaction holds across turns of the event loop. */
  async #loadAll(documentIds: readonly string[]): Promise<StoredDocument[]> {
    const snapshot = this.#transactions.snapshot();
    try {
      const documents: StoredDocument[] = [];
      // After the transaction has begun.
      const meta = this.#guard.meta();
      for (const documentId of documentIds) documents.push(await this.#read(documentId, snapshot, meta));
      return documents;
    } finally {
      snapshot.done();
    }
  }

  async #read(documentId: string, transaction: Transaction, meta: Meta): Promise<StoredDocument> {
    const start = documentKey(documentId);
    const prefix = start.byteLength;
    let record: DocumentRecord | undefined;
    let horizon: Horizon | undefined;
    const fields: FieldRow[] = [];
    const text: TextUpdate[] = [];
    try {
      const isSafe = await this.#check(documentId, meta);
      const range = { start, end: documentEnd(documentId), transaction };
      const entries = isSafe ? this.#store.getRange(range) : this.#guard.entries(documentId, meta);
      for (const { key, value } of entries) {
        if (key.byteLength === prefix) {
          record = decodeDocument(value);
          // What it holds is kept, and not loaded.
          if (record.deletedAt !== undefined) break;
        } else if (isHorizonKey(key, prefix)) horizon = decodeHorizon(value);
        else if (isUpdateKey(key, prefix)) text.push(decodeUpdate(key, prefix, value));
        else fields.push(decodeField(pathOfKey(key, prefix), value));
        this.#rowsRead++;
        this.#bytesRead += value.byteLength;
        if (this.#rowsRead >= rowsPerTurn || this.#bytesRead >= bytesPerTurn) await this.#nextTurn();
      }
      if (record === undefined && fields.length + text.length > 0) {
        throw new CorruptEntry('it has entries, but no record of its own');
      }
    } catch (cause) {
      throw new Error(`Document ${documentId} can't be read from ${this.#directory}: ${messageOf(cause)}`, { cause });
    }
    const { stamp = 0, commits = 0, deletedAt, erasedAt } = record ?? {};
    return {
      ...{ stamp, commits, fields, text },
      ...(horizon === undefined ? {} : { horizon }),
      ...(deletedAt === undefined ? {} : { deletedAt }),
      ...(erasedAt === undefined ? {} : { erasedAt }),
    };
  }

  /**
   * Checks the pages of a document, as LMDB ends the process when one is damaged. Returns whether it may read the document.
   *
   * @throws DamagedFile when the document can't be read at all.
   */
  async #check(documentId: string, meta: Meta): Promise<boolean> {
    try {
      for (const bytes of this.#guard.document(documentId, meta)) {
        this.#bytesRead += bytes;
        if (this.#bytesRead >= bytesPerTurn) await this.#nextTurn();
      }
      return true;
    } catch (error) {
      if (error instanceof DamagedNeighbour) return false;
      throw error;
    }
  }

  /** Entries that others contain may stay; a page that is damaged must not be joined with another one. */
  #withoutUnsafeRemoval(change: DocumentChange): DocumentChange {
    const { documentId, text, purge } = change;
    if (purge === undefined && (text === undefined || text.replaces.length === 0)) return change;
    if (reasonAgainstId(documentId) !== undefined || this.#guard.allowsRemoval(documentId)) return change;
    return { ...change, purge: undefined, text: text && { ...text, replaces: [] } };
  }

  async #nextTurn(): Promise<void> {
    this.#rowsRead = 0;
    this.#bytesRead = 0;
    await setImmediate();
  }

  /**
   * One transaction at a time, with all commits that came in the meantime, so that a shard that waits for the disk or
   * for other writers occupies one thread of libuv's pool and not all of them.
   */
  async #writeWaiting(): Promise<void> {
    await Promise.resolve(); // the other commits of this turn join
    while (this.#waiting.length > 0) {
      const group = this.#nextGroup();
      try {
        const perDocument = this.#recordsChanges ? rowsPerChange * bytesPerRow : 0;
        const bytes = group.reduce(
          (sum, { commit }) => sum + commit.bytesOnDisk + commit.documents.length * perDocument,
          0,
        );
        const outcomes = await this.#transactions.write(bytes, () => {
          const changes = this.#recorder();
          return group.map(({ commit, resolve }) => ({
            outcome: write(this.#store, commit, changes),
            refused: commit.refused,
            resolve,
          }));
        });
        for (const { outcome, refused, resolve } of outcomes) {
          resolve({ ...outcome, refused: [...refused, ...outcome.refused] });
        }
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#writer = undefined;
  }

  /** Of one write transaction. */
  #recorder(): LmdbRecorder | undefined {
    return this.#recordsChanges ? new LmdbRecorder(this.#store) : undefined;
  }

  #nextGroup(): WaitingCommit[] {
    let rows = 0;
    let bytes = 0;
    const tooMuch = this.#waiting.findIndex(({ commit }, i) => {
      rows += commit.rows;
      bytes += commit.bytes;
      return (rows > rowsPerTransaction || bytes > bytesPerTransaction) && i > 0;
    });
    return this.#waiting.splice(0, tooMuch === -1 ? this.#waiting.length : tooMuch);
  }

  async #finish(): Promise<void> {
    await Promise.allSettled([...this.#loads, this.#writer, this.lifecycle.close(), this.history.close()]);
    await this.#transactions.close();
    this.#guard.close();
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new Error('The storage is closed');
  }
}
