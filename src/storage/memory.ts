/** Storage in the memory of the process: for tests and throw-away nodes. */

import {
  checkDocumentId,
  reasonAgainstId,
  reasonAgainstRow,
  reasonAgainstText,
  reasonErased,
  refuseAll,
} from './limits.js';
import { MemoryHistory, MemoryRecorder } from './history/memory.js';
import { isBelow, mergeHorizons, type Horizon, type Purge } from './horizon.js';
import { MemoryLifecycle } from './lifecycle/memory.js';
import type { MemoryDocument } from './memory-document.js';
import type { ChangeRecorder } from './changes/port.js';
import { compareRows } from './order.js';
import type {
  Committed,
  DocumentChange,
  ExpiredRow,
  FieldRow,
  Recorded,
  RefusedRow,
  Storage,
  StoredDocument,
  TextChange,
  TextUpdate,
} from './port.js';

/** Each instance is a separate database. Each shard has its own, as a document always belongs to the same shard. */
export class MemoryStorage implements Storage {
  readonly durable = false;
  readonly isLost = false;
  readonly #documents = new Map<string, MemoryDocument>();
  readonly lifecycle: MemoryLifecycle;
  readonly #changes: ChangeRecorder | undefined;
  readonly history = new MemoryHistory(this.#documents, () => {
    this.#checkOpen();
  });
  #closed = false;

  /** @param changes Where commits are recorded, if they are. */
  constructor(changes?: ChangeRecorder) {
    this.#changes = changes;
    const checkOpen = (): void => {
      this.#checkOpen();
    };
    this.lifecycle = new MemoryLifecycle(this.#documents, checkOpen, changes);
  }

  async load(documentIds: readonly string[]): Promise<StoredDocument[]> {
    this.#checkOpen();
    return documentIds.map((documentId) => {
      checkDocumentId(documentId);
      const document = this.#documents.get(documentId);
      if (document === undefined) return { stamp: 0, commits: 0, fields: [], text: [] };
      const { stamp, commits, fields, horizon, deletedAt, erasedAt } = document;
      const isThere = deletedAt === undefined;
      return {
        ...{ stamp, commits, fields: isThere ? [...fields.values()] : [], text: isThere ? updatesOf(document) : [] },
        ...(horizon === undefined ? {} : { horizon }),
        ...(isThere ? {} : { deletedAt }),
        ...(erasedAt === undefined ? {} : { erasedAt }),
      };
    });
  }

  async commit(changes: readonly DocumentChange[]): Promise<Committed> {
    this.#checkOpen();
    const expired: ExpiredRow[] = [];
    const numbers = new Map<string, number>();
    const recorded = { entries: 0, bytes: 0 };
    const refused = changes.flatMap((change) => this.#apply(change, numbers, expired, recorded));
    const horizons = new Map<string, Horizon>();
    for (const { documentId, purge } of changes) {
      const document = this.#documents.get(documentId);
      if (document === undefined) continue;
      if (purge !== undefined) applyPurge(document, purge);
      if (document.horizon !== undefined) horizons.set(documentId, document.horizon);
    }
    return { refused, numbers, horizons, expired, ...(recorded.entries > 0 ? { recorded } : {}) };
  }

  async lastCommits(documentIds: readonly string[]): Promise<number[]> {
    this.#checkOpen();
    return documentIds.map((documentId) => this.#documents.get(documentId)?.commits ?? 0);
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#documents.clear();
    return Promise.resolve();
  }

  #apply(change: DocumentChange, numbers: Map<string, number>, expired: ExpiredRow[], recorded: Sum): RefusedRow[] {
    const { documentId, stamp, fields, text, replaced } = change;
    const reason = reasonAgainstId(documentId);
    if (reason !== undefined) return refuseAll(change, reason);
    const document = this.#documentFor(documentId);
    const former = document.commits === 0 ? 0 : Math.max(document.updated, document.erasedAt ?? 0);
    document.stamp = Math.max(document.stamp, stamp);
    document.updated = Date.now();
    // A document that is named twice is still one commit of it.
    if (!numbers.has(documentId)) numbers.set(documentId, ++document.commits);
    const recorder = replaced && new MemoryRecorder(document, replaced, former);
    const { commits: commit, deletedAt, updated: at } = document;
    this.#changes?.append({ documentId, kind: deletedAt === undefined ? 'changed' : 'deleted', commit, at });
    const refused: RefusedRow[] = [];
    for (const row of fields) {
      const reason = reasonAgainstRow(row);
      if (reason !== undefined) {
        refused.push({ documentId, path: row.path, reason });
        continue;
      }
      const stored = document.fields.get(row.path);
      recorder?.field(row, stored);
      if (stored === undefined && document.horizon !== undefined && isBelow(row, document.horizon)) {
        expired.push({ documentId, path: row.path });
        continue;
      }
      if (stored === undefined || compareRows(row, stored) > 0) {
        document.fields.set(row.path, { ...copyOf(row), commit: document.commits });
      } else if (compareRows(row, stored) < 0) {
        document.fields.set(row.path, { ...stored, commit: document.commits });
      }
    }
    if (text !== undefined) {
      const reason = reasonAgainstText(text) ?? (document.erasedAt === undefined ? undefined : reasonErased);
      if (reason === undefined) {
        recorder?.text(text);
        applyText(document, text);
      } else refused.push({ documentId, path: undefined, reason });
    }
    recorded.entries += recorder?.recorded.entries ?? 0;
    recorded.bytes += recorder?.recorded.bytes ?? 0;
    return refused;
  }

  #documentFor(documentId: string): MemoryDocument {
    let document = this.#documents.get(documentId);
    if (document === undefined) {
      const now = Date.now();
      document = { stamp: 0, commits: 0, created: now, updated: now, fields: new Map(), text: new Map() };
      this.#documents.set(documentId, document);
    }
    return document;
  }

  #checkOpen(): void {
    if (this.#closed) throw new Error('The storage is closed');
  }
}

type Sum = { -readonly [Key in keyof Recorded]: Recorded[Key] };

function applyText({ text }: MemoryDocument, { append, replaces }: TextChange): void {
  const kept = new Set(append.map(({ id }) => id));
  for (const { id, bytes } of append) if (!text.has(id)) text.set(id, new Uint8Array(bytes));
  for (const id of replaces) if (!kept.has(id)) text.delete(id);
}

function applyPurge(document: MemoryDocument, { fields, horizon }: Purge): void {
  document.horizon = mergeHorizons(document.horizon, horizon);
  for (const row of fields) {
    const stored = document.fields.get(row.path);
    if (stored !== undefined && compareRows(stored, row) <= 0) document.fields.delete(row.path);
  }
}

function updatesOf({ text }: MemoryDocument): TextUpdate[] {
  const updates = Array.from(text, ([id, bytes]) => ({ id, bytes: new Uint8Array(bytes) }));
  return updates.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** A copy: the caller may reuse its object. */
function copyOf({ path, value, deleted, timestamp, counter, clientId, stamp }: FieldRow): FieldRow {
  return { path, value, deleted, timestamp, counter, clientId, stamp };
}
