/** What documents were, in the memory of the process. */

import { checkDocumentId } from '../limits.js';
import type { MemoryDocument, MemoryHistoryOf } from '../memory-document.js';
import type { DocumentChange, FieldRow, Recorded, TextChange } from '../port.js';
import { bytesOf, stepsOf } from './changes.js';
import {
  maxPruned,
  maxTextUpdates,
  minTextBytes,
  type EntriesPage,
  type EntriesRequest,
  type History,
  type HistoryDocument,
  type HistoryEntry,
  type HistoryHead,
  type PastDocument,
  type Prune,
  type Pruned,
} from './port.js';
import { textAt, textNeededFrom } from './text-at.js';

/** Adds to a history what a commit changes. To be called before each part is written. */
export class MemoryRecorder {
  readonly #document: MemoryDocument;
  readonly #history: MemoryHistoryOf;
  readonly #replaced: readonly FieldRow[];
  readonly #at: number;
  readonly #first: number;
  #bytes = 0;

  /** @param former When the document was written, or erased, before, in ms since the epoch; 0 for never. */
  constructor(document: MemoryDocument, replaced: NonNullable<DocumentChange['replaced']>, former: number) {
    this.#document = document;
    this.#replaced = replaced;
    this.#history = document.history ??= {
      ...{ keptSince: former, pruned: 0, entries: [], updates: new Map(), wholes: new Map() },
      ...newText,
    };
    this.#at = Math.max(Date.now(), this.#history.entries.at(-1)?.at ?? 0);
    this.#first = this.#history.entries.length;
  }

  field(row: FieldRow, current: FieldRow | undefined): void {
    const writes = [...this.#replaced.filter(({ path }) => path === row.path), row];
    for (const step of stepsOf(writes, current, this.#document.horizon)) {
      this.#bytes += bytesOf(step);
      this.#history.entries.push({ kind: 'field', ...step, ...this.#next(), at: this.#at });
    }
  }

  text({ append: [first], authors }: TextChange): void {
    const { text } = this.#document;
    if (first === undefined || authors === undefined || text.has(first.id)) return;
    const history = this.#history;
    const isDue =
      history.textUpdates >= maxTextUpdates || history.textBytes >= Math.max(minTextBytes, history.wholeBytes);
    const { commit, index } = this.#next();
    if (isDue || (history.wholeBytes === -1 && history.textUpdates === 0)) {
      Object.assign(history, newText);
      if (text.size > 0) {
        const updates = [...text.values()];
        history.wholes.set(commit, { at: this.#at, updates });
        history.wholeBytes = updates.reduce((sum, { length }) => sum + length, 0);
        this.#bytes += history.wholeBytes;
      }
    }
    const bytes = new Uint8Array(first.bytes);
    history.updates.set(commit, bytes);
    history.textUpdates++;
    history.textBytes += bytes.length;
    history.entries.push({ kind: 'text', commit, index, at: this.#at, authors, bytes: bytes.length });
    this.#bytes += bytes.length;
  }

  get recorded(): Recorded {
    return { entries: this.#history.entries.length - this.#first, bytes: this.#bytes };
  }

  #next(): { readonly commit: number; readonly index: number } {
    const { commits: commit } = this.#document;
    const last = this.#history.entries.at(-1);
    return { commit, index: last?.commit === commit ? last.index + 1 : 0 };
  }
}

const newText = { textUpdates: 0, textBytes: 0, wholeBytes: -1 };

export class MemoryHistory implements History {
  readonly #documents: ReadonlyMap<string, MemoryDocument>;
  readonly #checkOpen: () => void;

  constructor(documents: ReadonlyMap<string, MemoryDocument>, checkOpen: () => void) {
    this.#documents = documents;
    this.#checkOpen = checkOpen;
  }

  async entries(documentId: string, { before, limit, maxBytes }: EntriesRequest): Promise<EntriesPage> {
    const document = this.#find(documentId);
    const entries: HistoryEntry[] = [];
    let bytes = 0;
    for (const entry of document?.history?.entries.toReversed() ?? []) {
      if (before !== undefined && !isBefore(entry, before)) continue;
      if (entry.commit <= (document?.history?.pruned ?? 0)) break;
      bytes += entry.kind === 'field' ? bytesOf(entry) : 0;
      if (entries.length === limit || (bytes > maxBytes && entries.length > 0)) {
        return { ...headOf(document), entries, hasMore: true };
      }
      entries.push(entry);
    }
    return { ...headOf(document), entries, hasMore: false };
  }

  async at(documentId: string, at: number): Promise<PastDocument> {
    const document = this.#find(documentId);
    const fields = new Map<string, string>();
    for (const { path, value, deleted } of document?.fields.values() ?? []) if (!deleted) fields.set(path, value);
    for (const entry of document?.history?.entries.toReversed() ?? []) {
      if (entry.kind === 'text' || entry.at <= at) continue;
      if (entry.before === null) fields.delete(entry.path);
      else fields.set(entry.path, entry.before);
    }
    return { ...headOf(document), fields, text: document === undefined ? [] : pastText(document, at) };
  }

  async list(after: string, limit: number): Promise<readonly HistoryDocument[]> {
    this.#checkOpen();
    const ids = [...this.#documents.keys()].filter((id) => id > after).sort();
    const documents: HistoryDocument[] = [];
    for (const id of ids) {
      const history = this.#documents.get(id)?.history;
      if (history === undefined) continue;
      if (documents.length === limit) break;
      const visible = history.entries.filter(({ commit }) => commit > history.pruned);
      documents.push({ id, entries: visible.length, oldestAt: visible[0]?.at ?? 0 });
    }
    return documents;
  }

  async prune({ documentId, before, keep }: Prune): Promise<Pruned> {
    const history = this.#find(documentId)?.history;
    if (history === undefined) return { entries: 0, hasMore: false };
    const visible = history.entries.filter(({ commit }) => commit > history.pruned);
    const excess = visible.length - keep;
    const dropped: HistoryEntry[] = [];
    let hasMore = false;
    for (const entry of visible) {
      const isDue = entry.at < before || dropped.length < excess;
      if ((!isDue || dropped.length >= maxPruned) && dropped.at(-1)?.commit !== entry.commit) {
        hasMore = isDue;
        break;
      }
      dropped.push(entry);
    }
    const last = dropped.at(-1);
    if (last === undefined) return { entries: 0, hasMore: false };
    history.pruned = last.commit;
    history.keptSince = last.at;
    const from = textNeededFrom([...history.updates.keys()], [...history.wholes.keys()], last.commit);
    for (const kept of [history.updates, history.wholes]) {
      for (const commit of kept.keys()) if (commit < from) kept.delete(commit);
    }
    if (from === Infinity) Object.assign(history, newText);
    history.entries = history.entries.filter(
      ({ kind, commit }) => commit > last.commit || (kind === 'text' && commit >= from),
    );
    return { entries: dropped.length, hasMore };
  }

  #find(documentId: string): MemoryDocument | undefined {
    this.#checkOpen();
    checkDocumentId(documentId);
    return this.#documents.get(documentId);
  }
}

function pastText({ history, text }: MemoryDocument, at: number): Uint8Array[] {
  const updates = history?.entries.filter(({ kind }) => kind === 'text') ?? [];
  const wholes = Array.from(history?.wholes ?? [], ([commit, whole]) => ({ commit, index: 0, at: whole.at }));
  const source = textAt(updates, wholes, at);
  if (history === undefined || source.kind === 'current') return copiesOf([...text.values()]);
  const { whole = 0 } = source;
  const later = updates.filter((update) => update.commit >= whole && update.at <= at);
  const changes = later.flatMap(({ commit }) => history.updates.get(commit) ?? []);
  return copiesOf([...(history.wholes.get(whole)?.updates ?? []), ...changes]);
}

/** The caller owns the bytes. */
function copiesOf(updates: readonly Uint8Array[]): Uint8Array[] {
  return updates.map((update) => new Uint8Array(update));
}

function headOf(document: MemoryDocument | undefined): HistoryHead {
  const state = document === undefined ? 'missing' : document.deletedAt === undefined ? 'present' : 'deleted';
  return { state, keptSince: document?.history?.keptSince };
}

function isBefore(entry: HistoryEntry, { commit, index }: NonNullable<EntriesRequest['before']>): boolean {
  return entry.commit < commit || (entry.commit === commit && entry.index < index);
}
