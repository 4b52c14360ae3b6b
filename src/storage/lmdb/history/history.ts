/** What documents were, as LMDB has it. */

import { setImmediate } from 'node:timers/promises';
import type { Transaction } from 'lmdb';
import {
  maxPruned,
  type EntriesPage,
  type EntriesRequest,
  type History,
  type HistoryDocument,
  type HistoryEntry,
  type PastDocument,
  type Prune,
  type Pruned,
} from '../../history/port.js';
import { bytesOf } from '../../history/changes.js';
import type { TextTime } from '../../history/text-at.js';
import { checkDocumentId } from '../../limits.js';
import type { ByteStore } from '../folder.js';
import { CorruptEntry, decodeField, documentEnd, documentKey, isFieldKey, isUpdateKey, pathOfKey } from '../format.js';
import type { PageGuard } from '../page-guard.js';
import type { Transactions } from '../transactions.js';
import { decodeRecord, historiesEnd, historyEnd, historyKey, historyPrefix, readKey } from './format.js';
import { prune } from './prune.js';
import { HistoryView } from './view.js';
import { Running } from '../running.js';

export interface LmdbHistoryOptions {
  readonly store: ByteStore;
  readonly transactions: Transactions;
  readonly guard: PageGuard;
  readonly checkOpen: () => void;
}

/** Entries that are read in one turn of the event loop. */
const entriesPerTurn = 1_000;
/** Upper bound of what a removal takes on disk, in bytes; as in prepare.ts. */
const bytesPerRow = 3 * 4096;

export class LmdbHistory implements History {
  readonly #options: LmdbHistoryOptions;
  readonly #running = new Running();

  constructor(options: LmdbHistoryOptions) {
    this.#options = options;
  }

  entries(documentId: string, request: EntriesRequest): Promise<EntriesPage> {
    return this.#reading(documentId, async (view) => {
      const record = view.record();
      const { commits, ...head } = view.head(record);
      const entries: HistoryEntry[] = [];
      let bytes = 0;
      for await (const entry of view.backwards(request.before, commits)) {
        // Of the text, older ones may be kept for the later.
        if (entry.commit <= (record?.pruned ?? 0)) break;
        bytes += entry.kind === 'field' ? bytesOf(entry) : 0;
        if (entries.length === request.limit || (bytes > request.maxBytes && entries.length > 0)) {
          return { ...head, entries, hasMore: true };
        }
        entries.push(entry);
      }
      return { ...head, entries, hasMore: false };
    });
  }

  at(documentId: string, at: number): Promise<PastDocument> {
    return this.#reading(documentId, async (view, transaction) => {
      const { commits, ...head } = view.head(view.record());
      await view.checkDocument();
      const fields = new Map<string, string>();
      const current: Uint8Array[] = [];
      const prefix = documentKey(documentId).byteLength;
      const range = { start: documentKey(documentId), end: documentEnd(documentId), transaction };
      let i = 0;
      for (const { key, value } of this.#options.store.getRange(range)) {
        if (++i % entriesPerTurn === 0) await setImmediate();
        if (isUpdateKey(key, prefix)) current.push(new Uint8Array(value));
        else if (isFieldKey(key, prefix)) {
          const row = decodeField(pathOfKey(key, prefix), value);
          if (!row.deleted) fields.set(row.path, row.value);
        }
      }
      const updates: TextTime[] = [];
      for await (const entry of view.backwards(undefined, commits)) {
        const { kind, commit, index } = entry;
        if (kind === 'text') updates.push({ commit, index, at: entry.at });
        else if (entry.at > at && entry.before === null) fields.delete(entry.path);
        else if (entry.at > at && entry.before !== null) fields.set(entry.path, entry.before);
      }
      return { ...head, fields, text: await view.textAt(updates.reverse(), current, at) };
    });
  }

  async list(after: string, limit: number): Promise<readonly HistoryDocument[]> {
    const { store, guard } = this.#options;
    return this.#run(async () => {
      const snapshot = this.#options.transactions.snapshot();
      try {
        const meta = guard.meta();
        const documents: HistoryDocument[] = [];
        let start = after === '' ? historyPrefix : historyEnd(after);
        while (documents.length < limit) {
          guard.checkSeek(start, meta);
          const [entry] = store.getRange({ start, end: historiesEnd, limit: 1, transaction: snapshot });
          if (entry === undefined) break;
          const { documentId: id, part } = readKey(Buffer.from(entry.key));
          documents.push({ id, ...(part === undefined ? countsIn(entry.value) : unknown) });
          start = historyEnd(id);
          if (documents.length % 100 === 0) await setImmediate();
        }
        return documents;
      } finally {
        snapshot.done();
      }
    });
  }

  async prune({ documentId, before, keep }: Prune): Promise<Pruned> {
    checkDocumentId(documentId);
    const { transactions, store } = this.#options;
    return this.#run(async () => {
      // LMDB joins pages that become empty with those beside them.
      const snapshot = transactions.snapshot();
      try {
        await this.#check(documentId);
      } finally {
        snapshot.done();
      }
      return transactions.write(3 * maxPruned * bytesPerRow, () => prune(store, { documentId, before, keep }));
    });
  }

  /** Removes all that is kept of a document, in several transactions. */
  async erase(documentId: string): Promise<void> {
    const { transactions, store } = this.#options;
    const range = { start: historyKey(documentId), end: historyEnd(documentId) };
    for (let isFirst = true; ; isFirst = false) {
      const snapshot = transactions.snapshot();
      let keys: Buffer[];
      try {
        if (isFirst) await this.#check(documentId);
        keys = Array.from(store.getKeys({ ...range, limit: maxPruned, transaction: snapshot }), (key) =>
          Buffer.from(key),
        );
      } finally {
        snapshot.done();
      }
      if (keys.length === 0) return;
      await transactions.write(keys.length * bytesPerRow, () => {
        for (const key of keys) store.removeSync(key);
      });
    }
  }

  /** Resolves when nothing runs any more. */
  close(): Promise<void> {
    return this.#running.settled();
  }

  async #run<Result>(action: () => Promise<Result>): Promise<Result> {
    this.#options.checkOpen();
    return this.#running.run(action);
  }

  #reading<Result>(
    documentId: string,
    read: (view: HistoryView, transaction: Transaction) => Promise<Result>,
  ): Promise<Result> {
    checkDocumentId(documentId);
    return this.#run(async () => {
      const { store, guard, transactions } = this.#options;
      const transaction = transactions.snapshot();
      try {
        return await read(new HistoryView({ store, guard, documentId, transaction, meta: guard.meta() }), transaction);
      } finally {
        transaction.done();
      }
    });
  }

  /** In turns: a history may be large. @throws DamagedFile */
  async #check(documentId: string): Promise<void> {
    const { guard } = this.#options;
    const pages = guard.history(documentId, guard.meta());
    for (let i = 1; pages.next().done !== true; i++) if (i % 100 === 0) await setImmediate();
  }
}

/** Of a history whose record can't be read, or is missing: it must not hide those behind it. */
const unknown = { entries: Number.MAX_SAFE_INTEGER, oldestAt: 0 };

function countsIn(record: Uint8Array): Omit<HistoryDocument, 'id'> {
  try {
    const { entries, oldestAt } = decodeRecord(record);
    return { entries, oldestAt };
  } catch (error) {
    if (error instanceof CorruptEntry) return unknown;
    throw error;
  }
}
