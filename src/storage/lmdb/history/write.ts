/**
 * Adds to a history what a commit changes, inside the write transaction of the commit. When a thread is terminated in the
 * middle, LMDB commits what was put so far: a record before the entries, and an update before the entry that tells of it.
 */

import { bytesOf, stepsOf } from '../../history/changes.js';
import { maxTextUpdates, minTextBytes, type Author, type HistoryEntry } from '../../history/port.js';
import type { Horizon } from '../../horizon.js';
import type { FieldRow, Recorded } from '../../port.js';
import type { ByteStore } from '../folder.js';
import { updateRange, type DocumentRecord } from '../format.js';
import { decodeRecord, encodeEntry, encodeRecord, historyKey, newRecord, partKey, partRange, parts } from './format.js';

/** What a commit says for the history of a document. */
export interface PreparedHistory {
  /** Rows that others of the commit replaced, by field. */
  readonly replaced: ReadonlyMap<string, readonly FieldRow[]>;
}

export interface HistoryOfCommit extends PreparedHistory {
  readonly documentId: string;
  /** The document as it is after the commit. */
  readonly record: DocumentRecord;
  /** As it was before; undefined for a new one. */
  readonly former: DocumentRecord | undefined;
  /** Whether the commit names the document for the first time. */
  readonly isFirst: boolean;
}

export class HistoryWriter {
  readonly #store: ByteStore;
  readonly #about: HistoryOfCommit;
  readonly #key: Buffer;
  #history: ReturnType<typeof newRecord>;
  #isNew: boolean;
  #index = 0;
  readonly #firstIndex: number;
  #bytes = 0;

  /** @throws CorruptEntry */
  constructor(store: ByteStore, about: HistoryOfCommit) {
    this.#store = store;
    this.#about = about;
    this.#key = historyKey(about.documentId);
    const stored = store.get(this.#key);
    this.#history = stored === undefined ? newRecord(lastChange(about.former)) : decodeRecord(stored);
    this.#isNew = stored === undefined;
    if (!about.isFirst) this.#index = this.#lastIndex() + 1;
    this.#firstIndex = this.#index;
  }

  /** Of the entries that the commit has already; -1 for none. */
  #lastIndex(): number {
    const { documentId, record } = this.#about;
    const start = partKey(documentId, parts.entry, { commit: record.commits, index: 0 });
    const keys = [...this.#store.getKeys({ start, end: partRange(documentId, parts.entry).end })];
    return keys.length - 1;
  }

  /** What a row changes, and those that it replaced. @param current What is stored. */
  field(row: FieldRow, current: FieldRow | undefined, horizon: Horizon | undefined): void {
    const { replaced, record } = this.#about;
    const writes = [...(replaced.get(row.path) ?? []), row];
    for (const step of stepsOf(writes, current, horizon)) {
      this.#bytes += bytesOf(step);
      this.#put({ kind: 'field', ...step, ...this.#next(), at: record.updated });
    }
  }

  /** What an update adds to the text. To be called before it is put; the text may have to be kept as it is. */
  text(update: Uint8Array, authors: readonly Author[]): void {
    const { documentId, record } = this.#about;
    const { textUpdates, textBytes, wholeBytes } = this.#history;
    const isDue = textUpdates >= maxTextUpdates || textBytes >= Math.max(minTextBytes, wholeBytes);
    if (isDue || (wholeBytes === -1 && textUpdates === 0)) this.#keepWhole();
    const place = this.#next();
    const { length: bytes } = update;
    void this.#store.put(partKey(documentId, parts.update, place), update);
    this.#put({ kind: 'text', ...place, at: record.updated, authors, bytes });
    this.#bytes += bytes;
    const history = this.#history;
    this.#history = { ...history, textUpdates: history.textUpdates + 1, textBytes: history.textBytes + bytes };
  }

  /** To be called at the end. */
  end(): Recorded {
    const entries = this.#index - this.#firstIndex;
    if (entries > 0) void this.#store.put(this.#key, encodeRecord(this.#history));
    return { entries, bytes: this.#bytes };
  }

  /** Nothing for a text that begins. */
  #keepWhole(): void {
    const { documentId, record } = this.#about;
    let wholeBytes = -1;
    // Copied before anything is put: lmdb's values may lie in its map of the file.
    const updates = Array.from(this.#store.getRange(updateRange(documentId)), ({ value }) => new Uint8Array(value));
    updates.forEach((update, index) => {
      void this.#store.put(partKey(documentId, parts.whole, { commit: record.commits, index }), update);
      wholeBytes = Math.max(0, wholeBytes) + update.byteLength;
    });
    this.#bytes += Math.max(0, wholeBytes);
    this.#history = { ...this.#history, wholeBytes, textUpdates: 0, textBytes: 0 };
  }

  #next(): { readonly commit: number; readonly index: number } {
    return { commit: this.#about.record.commits, index: this.#index++ };
  }

  #put(entry: HistoryEntry): void {
    const { documentId, record } = this.#about;
    const { entries, oldestAt } = this.#history;
    this.#history = { ...this.#history, entries: entries + 1, oldestAt: entries === 0 ? record.updated : oldestAt };
    if (this.#isNew) void this.#store.put(this.#key, encodeRecord(this.#history));
    this.#isNew = false;
    void this.#store.put(partKey(documentId, parts.entry, entry), encodeEntry(entry));
  }
}

/** In ms since the epoch: it has not changed since then. What an erasure has removed is not known. */
function lastChange(former: DocumentRecord | undefined): number {
  return former === undefined ? 0 : Math.max(former.updated, former.erasedAt ?? 0);
}
