/** One document and its history in a snapshot: of the file, only the pages that are read are checked. */

import { setImmediate } from 'node:timers/promises';
import type { Transaction } from 'lmdb';
import type { HistoryEntry, HistoryHead, HistoryPlace } from '../../history/port.js';
import { textAt, type TextTime } from '../../history/text-at.js';
import type { Meta } from '../file/meta.js';
import type { ByteStore } from '../folder.js';
import { CorruptEntry, decodeDocument, documentKey } from '../format.js';
import type { PageGuard } from '../page-guard.js';
import {
  decodeEntry,
  decodeRecord,
  historyKey,
  partKey,
  parts,
  placeOf,
  type HistoryRecord,
  type Part,
} from './format.js';

export interface HistoryViewOptions {
  readonly store: ByteStore;
  readonly guard: PageGuard;
  readonly documentId: string;
  readonly transaction: Transaction;
  /** Of the transaction. */
  readonly meta: Meta;
}

/** Entries that are read in one turn of the event loop, and pages that are checked. */
const entriesPerTurn = 1_000;
const pagesPerTurn = 100;
/** Commits that a search looks through first; then twice as many, and so on. */
const fewCommits = 8;

/** All methods throw DamagedFile or CorruptEntry for what can't be read. */
export class HistoryView {
  readonly #options: HistoryViewOptions;

  constructor(options: HistoryViewOptions) {
    this.#options = options;
  }

  record(): HistoryRecord | undefined {
    const { guard, meta, documentId } = this.#options;
    const key = historyKey(documentId);
    guard.checkSeek(key, meta);
    const bytes = this.#get(key);
    return bytes === undefined ? undefined : decodeRecord(bytes);
  }

  /** With the number of the document's last commit. */
  head(record: HistoryRecord | undefined): HistoryHead & { readonly commits: number } {
    const { guard, meta, documentId } = this.#options;
    guard.checkRecord(documentId, meta);
    const bytes = this.#get(documentKey(documentId));
    const document = bytes === undefined ? undefined : decodeDocument(bytes);
    const state = document === undefined ? 'missing' : document.deletedAt === undefined ? 'present' : 'deleted';
    return { state, keptSince: record?.keptSince, commits: document?.commits ?? 0 };
  }

  /** Checks the pages of the document itself, before LMDB follows them. */
  checkDocument(): Promise<void> {
    const { guard, documentId, meta } = this.#options;
    return this.#check(guard.document(documentId, meta));
  }

  /** The entries before a place, the newest first. @param commits As in `head`. */
  async *backwards(before: HistoryPlace | undefined, commits: number): AsyncGenerator<HistoryEntry> {
    let i = 0;
    const end = before !== undefined && before.commit <= commits ? before : { commit: commits + 1, index: 0 };
    for await (const keys of this.#keysBackwards(parts.entry, end)) {
      for (const key of keys) {
        if (++i % entriesPerTurn === 0) await setImmediate();
        yield decodeEntry(placeOf(key), this.#existing(key));
      }
    }
  }

  /**
   * What the text was joined of at a time.
   *
   * @param updates All that there are, by place.
   * @param current What it is joined of now.
   * @param at In ms since the epoch.
   */
  async textAt(updates: readonly TextTime[], current: readonly Uint8Array[], at: number): Promise<Uint8Array[]> {
    const last = updates.findLast((update) => update.at <= at);
    const source = textAt(updates, await this.#wholesFor(updates, last), at);
    if (source.kind === 'current') return [...current];
    const { whole = 0 } = source;
    const text: Uint8Array[] = [];
    const ofCommit = await this.#keys(parts.whole, { commit: whole, index: 0 }, { commit: whole + 1, index: 0 });
    for (const key of ofCommit) text.push(new Uint8Array(this.#existing(key)));
    if (last === undefined) return text;
    const later = await this.#keys(parts.update, { commit: whole, index: 0 }, { commit: last.commit + 1, index: 0 });
    const known = new Set(later.map((key) => key.toString('latin1')));
    for (const update of updates) {
      if (update.commit < whole || update.at > at) continue;
      const key = partKey(this.#options.documentId, parts.update, update);
      if (!known.has(key.toString('latin1'))) throw new CorruptEntry('an update in a history is missing');
      text.push(new Uint8Array(this.#existing(key)));
    }
    return text;
  }

  /** Of the wholes only the one that counts: there may be thousands, each as large as the text. */
  async #wholesFor(updates: readonly TextTime[], last: TextTime | undefined): Promise<TextTime[]> {
    const [first] = updates;
    if (first === undefined) return [];
    const times = new Map(updates.map(({ commit, at }) => [commit, at]));
    const wholeOf = (key: Buffer): TextTime => {
      const { commit } = placeOf(key);
      return { commit, index: 0, at: times.get(commit) ?? 0 };
    };
    if (last === undefined) {
      const keys = await this.#keys(parts.whole, { commit: 0, index: 0 }, { commit: first.commit + 1, index: 0 });
      return keys.slice(0, 1).map(wholeOf);
    }
    for await (const [key] of this.#keysBackwards(parts.whole, { commit: last.commit + 1, index: 0 })) {
      if (key !== undefined) return [wholeOf(key)];
    }
    return [];
  }

  /** The keys before a place, the last first, of more and more commits at a time. */
  async *#keysBackwards(part: Part, end: HistoryPlace): AsyncGenerator<Buffer[]> {
    for (let [before, width] = [end, fewCommits]; ; width *= 2) {
      const first = { commit: Math.max(0, before.commit - width), index: 0 };
      yield (await this.#keys(part, first, before)).reverse();
      if (first.commit === 0) return;
      before = first;
    }
  }

  /** The keys from a place up to another one, when their pages and those of their values are checked. */
  async #keys(part: Part, from: HistoryPlace, to: HistoryPlace): Promise<Buffer[]> {
    const { store, guard, documentId, transaction, meta } = this.#options;
    const range = { start: partKey(documentId, part, from), end: partKey(documentId, part, to) };
    await this.#check(guard.between(range.start, range.end, meta));
    return Array.from(store.getKeys({ ...range, transaction }), (key) => Buffer.from(key));
  }

  /** In turns. */
  async #check(pages: Generator<number, void>): Promise<void> {
    for (let i = 1; pages.next().done !== true; i++) if (i % pagesPerTurn === 0) await setImmediate();
  }

  #existing(key: Buffer): Uint8Array {
    const value = this.#get(key);
    if (value === undefined) throw new CorruptEntry('an entry of a history is missing');
    return value;
  }

  #get(key: Buffer): Uint8Array | undefined {
    return this.#options.store.get(key, { transaction: this.#options.transaction });
  }
}
