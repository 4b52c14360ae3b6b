/** Lists, deletion and erasure of documents in LMDB. */

import { setImmediate } from 'node:timers/promises';
import type { Transaction } from 'lmdb';
import { eraseHorizon } from '../lifecycle/erase-horizon.js';
import { isBelow, type Horizon } from '../horizon.js';
import {
  maxListLimit,
  type Erasure,
  type Lifecycle,
  type ListedDocument,
  type ListPage,
  type ListRequest,
} from '../lifecycle/port.js';
import { checkDocumentId } from '../limits.js';
import type { ChangeKind, ChangeRecorder } from '../changes/port.js';
import type { ByteStore } from './folder.js';
import {
  CorruptEntry,
  decodeDocument,
  decodeField,
  decodeHorizon,
  documentEnd,
  documentKey,
  encodeDocument,
  encodeHorizon,
  horizonKey,
  isFieldKey,
  isHorizonKey,
  pathOfKey,
  type DocumentRecord,
} from './format.js';
import type { LmdbHistory } from './history/history.js';
import { rowsPerChange } from './changes/recorder.js';
import type { PageGuard } from './page-guard.js';
import { bytesPerRow } from './prepare.js';
import type { Transactions } from './transactions.js';
import { readStored } from './write.js';
import { Running } from './running.js';

export interface LmdbLifecycleOptions {
  readonly store: ByteStore;
  readonly transactions: Transactions;
  readonly guard: PageGuard;
  readonly history: Pick<LmdbHistory, 'erase'>;
  /** Where the changes of one write transaction are recorded, if they are. */
  readonly recorder: () => ChangeRecorder | undefined;
  readonly checkOpen: () => void;
}

/** Documents that one page of a list looks at, and those of one turn of the event loop. */
const looksPerPage = 5_000;
const looksPerTurn = 100;
/** Entries that are read in one turn, and removed in one transaction: it holds the lock that all writers wait for. */
const entriesPerTurn = 1_000;

export class LmdbLifecycle implements Lifecycle {
  readonly #options: LmdbLifecycleOptions;
  readonly #running = new Running();

  constructor(options: LmdbLifecycleOptions) {
    this.#options = options;
  }

  list(request: ListRequest): Promise<ListPage> {
    return this.#run(() => this.#list(request));
  }

  delete(documentId: string, at: number): Promise<number | undefined> {
    return this.#run(() =>
      this.#change(documentId, 'deleted', (record) => ({
        ...record,
        deletedAt: record.deletedAt ?? afterErasure(record, at),
        commits: record.commits + 1,
      })),
    );
  }

  restore(documentId: string): Promise<number | undefined> {
    return this.#run(() =>
      this.#change(documentId, 'restored', (record) => {
        if (record.deletedAt === undefined) return record;
        return isBeingErased(record) ? undefined : { ...record, deletedAt: undefined, commits: record.commits + 1 };
      }),
    );
  }

  erase(erasure: Erasure): Promise<number | undefined> {
    return this.#run(() => this.#erase(erasure));
  }

  /** Resolves when nothing runs any more. */
  close(): Promise<void> {
    return this.#running.settled();
  }

  async #run<Result>(action: () => Promise<Result>): Promise<Result> {
    this.#options.checkOpen();
    return this.#running.run(action);
  }

  /** From one snapshot. The entries of documents are passed over: it looks for the first key behind them. */
  async #list({ prefix, after, limit, state }: ListRequest): Promise<ListPage> {
    const { transactions, guard, store } = this.#options;
    const most = Math.min(limit, maxListLimit);
    const documents: ListedDocument[] = [];
    const behind = after === '' ? Buffer.from([1]) : documentEnd(after);
    const first = Buffer.from(prefix);
    let start = first.compare(behind) > 0 ? first : behind;
    let last: string | undefined;
    const snapshot = transactions.snapshot();
    try {
      const meta = guard.meta();
      for (let looks = 0; ; looks++) {
        if (looks === looksPerPage || documents.length === most) return { documents, next: last };
        if (looks % looksPerTurn === looksPerTurn - 1) await setImmediate();
        guard.checkSeek(start, meta);
        const [entry] = store.getRange({ start, limit: 1, transaction: snapshot });
        const id = entry === undefined ? undefined : idOfKey(entry.key);
        if (entry === undefined || id?.startsWith(prefix) !== true) return { documents, next: undefined };
        start = documentEnd(id);
        last = id;
        if (entry.key.byteLength !== id.length + 1) throw new CorruptEntry('a document has no record of its own');
        const record = decodeDocument(entry.value);
        if (state === 'any' || (state === 'deleted') === (record.deletedAt !== undefined)) {
          documents.push(listed(id, record));
        }
      }
    } finally {
      snapshot.done();
    }
  }

  /**
   * Changes the record of a document.
   *
   * @param kind How a commit of that is recorded.
   * @param change Returns undefined where nothing can be done.
   */
  async #change(
    documentId: string,
    kind: ChangeKind,
    change: (record: DocumentRecord) => DocumentRecord | undefined,
    also: () => void = () => undefined,
  ): Promise<number | undefined> {
    checkDocumentId(documentId);
    const { transactions, store, guard, recorder } = this.#options;
    const key = documentKey(documentId);
    const snapshot = transactions.snapshot();
    try {
      guard.checkRecord(documentId, guard.meta());
    } finally {
      snapshot.done();
    }
    return transactions.write((2 + rowsPerChange) * bytesPerRow, () => {
      const stored = readStored(store, key, decodeDocument);
      if (stored instanceof CorruptEntry) throw stored;
      const changed = stored && change(stored);
      if (stored === undefined || changed === undefined) return undefined;
      also();
      const { commits: commit } = changed;
      if (commit !== stored.commits) recorder()?.append({ documentId, kind, commit, at: Date.now() });
      if (changed !== stored) void store.put(key, encodeDocument(changed));
      return changed.commits;
    });
  }

  /**
   * In several transactions, none of which may last long. Until the last one it counts as deleted; when the process ends
   * in between, the erasure is to be repeated.
   */
  async #erase({ documentId, at, stamp, latest = 0, deletedBefore = Infinity }: Erasure): Promise<number | undefined> {
    checkDocumentId(documentId);
    const { store, guard } = this.#options;
    const found = await this.#scan(documentId);
    const { record } = found;
    if (record === undefined) return undefined;
    const isDue = ({ deletedAt = Infinity }: DocumentRecord): boolean =>
      deletedBefore === Infinity || deletedAt < deletedBefore;
    if (!isDue(record)) return undefined;
    if (!guard.allowsRemoval(documentId)) {
      throw new Error(`Document ${documentId} can't be erased: a page beside it is damaged`);
    }
    const last = Math.max(found.last, latest);
    const horizon = eraseHorizon({ at, stamp, last, before: found.horizon, storedStamp: record.stamp });
    const marked = await this.#change(
      documentId,
      'deleted',
      (record) => {
        // It may have been restored since it was looked through.
        if (!isDue(record)) return undefined;
        const deletedAt = record.deletedAt ?? at;
        const stamp = Math.max(record.stamp, horizon.stamp);
        return { ...record, stamp, deletedAt, erasedAt: Math.max(at, deletedAt) };
      },
      () => void store.put(horizonKey(documentId), encodeHorizon(horizon)),
    );
    if (marked === undefined) return undefined;
    // Once more in any case: what was written before the mark is not in what was found.
    for (let keys: readonly Buffer[] = found.keys, isFirst = true; isFirst || keys.length > 0; isFirst = false) {
      await this.#remove(keys, horizon, documentKey(documentId).byteLength);
      ({ keys } = await this.#scan(documentId, horizon));
    }
    await this.#options.history.erase(documentId);
    return this.#change(documentId, 'erased', (record) => ({
      ...record,
      deletedAt: undefined,
      commits: record.commits + 1,
    }));
  }

  /** What is to be removed of a document. @param horizon When given, fields beyond it stay. */
  async #scan(
    documentId: string,
    horizon?: Horizon,
  ): Promise<{ record: DocumentRecord | undefined; horizon: Horizon | undefined; last: number; keys: Buffer[] }> {
    const { transactions, guard, store } = this.#options;
    const found = { record: undefined as DocumentRecord | undefined, horizon, last: 0, keys: [] as Buffer[] };
    const start = documentKey(documentId);
    const snapshot: Transaction = transactions.snapshot();
    try {
      let i = 0;
      const pages = guard.document(documentId, guard.meta());
      while (pages.next().done !== true) if (++i % 100 === 0) await setImmediate();
      for (const { key, value } of store.getRange({ start, end: documentEnd(documentId), transaction: snapshot })) {
        if (++i % entriesPerTurn === 0) await setImmediate();
        if (key.byteLength === start.byteLength) found.record = decodeDocument(value);
        else if (isHorizonKey(key, start.byteLength)) found.horizon ??= decodeHorizon(value);
        else {
          const row = isFieldKey(key, start.byteLength) ? fieldOf(key, start.byteLength, value) : undefined;
          found.last = Math.max(found.last, row?.timestamp ?? 0);
          if (horizon === undefined || row === undefined || isBelow(row, horizon)) found.keys.push(Buffer.from(key));
        }
      }
    } finally {
      snapshot.done();
    }
    return found;
  }

  /** Of what was written meanwhile, nothing is removed that is beyond the horizon. */
  async #remove(keys: readonly Buffer[], horizon: Horizon, prefix: number): Promise<void> {
    const { transactions, store } = this.#options;
    for (let i = 0; i < keys.length; i += entriesPerTurn) {
      const some = keys.slice(i, i + entriesPerTurn);
      await transactions.write(some.length * bytesPerRow, () => {
        for (const key of some) {
          const bytes = isFieldKey(key, prefix) ? store.get(key) : undefined;
          const row = bytes && fieldOf(key, prefix, bytes);
          if (row === undefined || isBelow(row, horizon)) store.removeSync(key);
        }
      });
    }
  }
}

/** Whether a record was marked by an erasure that has not come to its end. */
function isBeingErased({ deletedAt, erasedAt }: DocumentRecord): boolean {
  return deletedAt !== undefined && erasedAt !== undefined && erasedAt >= deletedAt;
}

/** A time that tells a deletion from one that an erasure has begun with, also where the clock was put back. */
function afterErasure({ erasedAt = -Infinity }: DocumentRecord, at: number): number {
  return Math.max(at, erasedAt + 1);
}

function listed(id: string, record: DocumentRecord): ListedDocument {
  const { created, updated, deletedAt } = record;
  if (deletedAt === undefined) return { id, created, updated };
  return { id, created, updated, deletedAt, ...(isBeingErased(record) ? { isErasing: true } : {}) };
}

function idOfKey(key: Uint8Array): string {
  const end = key.indexOf(0);
  return Buffer.from(key.buffer, key.byteOffset, end === -1 ? key.byteLength : end).toString();
}

/** Undefined for one that can't be read: it goes with the others. */
function fieldOf(key: Uint8Array, prefix: number, value: Uint8Array): ReturnType<typeof decodeField> | undefined {
  try {
    return decodeField(pathOfKey(key, prefix), value);
  } catch (error) {
    if (error instanceof CorruptEntry) return undefined;
    throw error;
  }
}
