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
  type HistoryHead,
  type PastDocument,
  type Prune,
  type Pruned,
} from '../../history/port.js';
import { bytesOf } from '../../history/changes.js';
import { textAt, type TextTime } from '../../history/text-at.js';
import { checkDocumentId } from '../../limits.js';
import type { ByteStore } from '../folder.js';
import {
  CorruptEntry,
  decodeDocument,
  decodeField,
  documentEnd,
  documentKey,
  isFieldKey,
  isUpdateKey,
  pathOfKey,
} from '../format.js';
import type { PageGuard } from '../page-guard.js';
import type { Transactions } from '../transactions.js';
import {
  decodeEntry,
  decodeRecord,
  historiesEnd,
  historyEnd,
  historyKey,
  historyPrefix,
  partKey,
  partRange,
  parts,
  placeOf,
  readKey,
  type HistoryRecord,
} from './format.js';
import { prune } from './prune.js';

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
  readonly #running = new Set<Promise<unknown>>();

  constructor(options: LmdbHistoryOptions) {
    this.#options = options;
  }

  entries(documentId: string, request: EntriesRequest): Promise<EntriesPage> {
    return this.#reading(documentId, async (transaction) => {
      const record = this.#record(documentId, transaction);
      const head = this.#head(documentId, record, transaction);
      const entries: HistoryEntry[] = [];
      let bytes = 0;
      for await (const entry of this.#backwards(documentId, request.before, transaction)) {
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
    return this.#reading(documentId, async (transaction) => {
      const record = this.#record(documentId, transaction);
      const head = this.#head(documentId, record, transaction);
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
      for await (const entry of this.#backwards(documentId, undefined, transaction)) {
        const { kind, commit, index } = entry;
        if (kind === 'text') updates.push({ commit, index, at: entry.at });
        else if (entry.at > at && entry.before === null) fields.delete(entry.path);
        else if (entry.at > at && entry.before !== null) fields.set(entry.path, entry.before);
      }
      return { ...head, fields, text: this.#textAt(documentId, updates.reverse(), current, at, transaction) };
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
          if (part !== undefined) throw new CorruptEntry('a history has no record of its own');
          const { entries, oldestAt } = decodeRecord(entry.value);
          documents.push({ id, entries, oldestAt });
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
    const { transactions, guard, store } = this.#options;
    return this.#run(async () => {
      if (!guard.allowsRemovalIn(historyKey(documentId), historyEnd(documentId))) {
        throw new Error(`The history of ${documentId} can't be pruned: a page beside it is damaged`);
      }
      return transactions.write(3 * maxPruned * bytesPerRow, () => prune(store, { documentId, before, keep }));
    });
  }

  /** Removes all that is kept of a document, in several transactions. */
  async erase(documentId: string): Promise<void> {
    const { transactions, guard, store } = this.#options;
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
      if (!guard.allowsRemovalIn(range.start, range.end)) {
        throw new Error(`The history of ${documentId} can't be erased: a page beside it is damaged`);
      }
      await transactions.write(keys.length * bytesPerRow, () => {
        for (const key of keys) store.removeSync(key);
      });
    }
  }

  /** Resolves when nothing runs any more. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#running);
  }

  async #run<Result>(action: () => Promise<Result>): Promise<Result> {
    this.#options.checkOpen();
    const running = action();
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  /** From one snapshot, whose pages are checked. */
  #reading<Result>(documentId: string, read: (transaction: Transaction) => Promise<Result>): Promise<Result> {
    checkDocumentId(documentId);
    return this.#run(async () => {
      const snapshot = this.#options.transactions.snapshot();
      try {
        await this.#check(documentId);
        return await read(snapshot);
      } finally {
        snapshot.done();
      }
    });
  }

  /** Checks the pages of a document and of its history, before LMDB follows them. @throws DamagedFile */
  async #check(documentId: string): Promise<void> {
    const { guard } = this.#options;
    const meta = guard.meta();
    let pages = 0;
    for (const range of [guard.document(documentId, meta), guard.history(documentId, meta)]) {
      while (range.next().done !== true) if (++pages % 100 === 0) await setImmediate();
    }
  }

  #record(documentId: string, transaction?: Transaction): HistoryRecord | undefined {
    const bytes = this.#options.store.get(historyKey(documentId), transaction && { transaction });
    return bytes === undefined ? undefined : decodeRecord(bytes);
  }

  #head(documentId: string, record: HistoryRecord | undefined, transaction: Transaction): HistoryHead {
    const bytes = this.#options.store.get(documentKey(documentId), { transaction });
    const document = bytes === undefined ? undefined : decodeDocument(bytes);
    const state = document === undefined ? 'missing' : document.deletedAt === undefined ? 'present' : 'deleted';
    return { state, keptSince: record?.keptSince };
  }

  /** The entries before a place, the newest first. */
  async *#backwards(
    documentId: string,
    before: EntriesRequest['before'],
    transaction: Transaction,
  ): AsyncGenerator<HistoryEntry> {
    const { start: least, end } = partRange(documentId, parts.entry);
    const start = before === undefined ? end : partKey(documentId, parts.entry, before);
    let i = 0;
    for (const { key, value } of this.#options.store.getRange({ start, end: least, reverse: true, transaction })) {
      if (++i % entriesPerTurn === 0) await setImmediate();
      // Both bounds may be among them.
      if (start.compare(key) <= 0) continue;
      if (least.compare(key) > 0) return;
      yield decodeEntry(placeOf(key), value);
    }
  }

  #textAt(
    documentId: string,
    updates: readonly TextTime[],
    current: readonly Uint8Array[],
    at: number,
    transaction: Transaction,
  ): Uint8Array[] {
    const { store } = this.#options;
    const times = new Map<number, number>();
    for (const update of updates) times.set(update.commit, update.at);
    const wholes: TextTime[] = [];
    for (const key of store.getKeys({ ...partRange(documentId, parts.whole), transaction })) {
      const { commit } = placeOf(key);
      if (wholes.at(-1)?.commit !== commit) wholes.push({ commit, index: 0, at: times.get(commit) ?? 0 });
    }
    const source = textAt(updates, wholes, at);
    if (source.kind === 'current') return [...current];
    const { whole = 0 } = source;
    const text: Uint8Array[] = [];
    if (whole > 0) {
      const start = partKey(documentId, parts.whole, { commit: whole, index: 0 });
      const end = partKey(documentId, parts.whole, { commit: whole + 1, index: 0 });
      for (const { value } of store.getRange({ start, end, transaction })) text.push(new Uint8Array(value));
    }
    for (const update of updates) {
      if (update.commit < whole || update.at > at) continue;
      const value = store.get(partKey(documentId, parts.update, update), { transaction });
      if (value === undefined) throw new CorruptEntry('an update in a history is missing');
      text.push(new Uint8Array(value));
    }
    return text;
  }
}
