/** Lists, deletion and erasure of documents in the memory of the process. */

import { eraseHorizon } from './erase-horizon.js';
import { maxListLimit, type Erasure, type Lifecycle, type ListPage, type ListRequest } from './port.js';
import { checkDocumentId } from '../limits.js';
import type { MemoryDocument } from '../memory-document.js';
import type { ChangeKind, ChangeRecorder } from '../changes/port.js';

/** Documents that one page looks at. */
const looksPerPage = 5_000;

export class MemoryLifecycle implements Lifecycle {
  readonly #documents: ReadonlyMap<string, MemoryDocument>;
  readonly #checkOpen: () => void;
  readonly #changes: ChangeRecorder | undefined;

  constructor(
    documents: ReadonlyMap<string, MemoryDocument>,
    checkOpen: () => void,
    changes: ChangeRecorder | undefined,
  ) {
    this.#documents = documents;
    this.#checkOpen = checkOpen;
    this.#changes = changes;
  }

  async list({ prefix, after, limit, state }: ListRequest): Promise<ListPage> {
    this.#checkOpen();
    // Sorting all ids costs more than a page may; memory is for tests and throw-away nodes. Ids are ASCII.
    const ids = [...this.#documents.keys()].filter((id) => id > after && id.startsWith(prefix)).sort();
    const most = Math.min(limit, maxListLimit);
    const documents: ListPage['documents'][number][] = [];
    for (const [i, id] of ids.entries()) {
      if (documents.length === most || i === looksPerPage) return { documents, next: ids[i - 1] };
      const document = this.#documents.get(id);
      if (document === undefined) continue;
      const { created, updated, deletedAt } = document;
      if (state === 'any' || (state === 'deleted') === (deletedAt !== undefined)) {
        documents.push({ id, created, updated, ...(deletedAt === undefined ? {} : { deletedAt }) });
      }
    }
    return { documents, next: undefined };
  }

  async delete(documentId: string, at: number): Promise<number | undefined> {
    const document = this.#find(documentId);
    if (document === undefined) return undefined;
    document.deletedAt ??= at;
    return this.#count(documentId, document, 'deleted');
  }

  async restore(documentId: string): Promise<number | undefined> {
    const document = this.#find(documentId);
    if (document === undefined) return undefined;
    if (document.deletedAt === undefined) return document.commits;
    document.deletedAt = undefined;
    return this.#count(documentId, document, 'restored');
  }

  async erase({ documentId, at, stamp, latest = 0, deletedBefore = Infinity }: Erasure): Promise<number | undefined> {
    const document = this.#find(documentId);
    if (document === undefined) return undefined;
    if (deletedBefore !== Infinity && (document.deletedAt ?? Infinity) >= deletedBefore) return undefined;
    const last = Math.max(latest, ...Array.from(document.fields.values(), ({ timestamp }) => timestamp));
    document.horizon = eraseHorizon({ at, stamp, last, before: document.horizon, storedStamp: document.stamp });
    document.stamp = document.horizon.stamp;
    document.fields.clear();
    document.text.clear();
    delete document.history;
    document.erasedAt = at;
    document.deletedAt = undefined;
    return this.#count(documentId, document, 'erased');
  }

  #count(documentId: string, document: MemoryDocument, kind: ChangeKind): number {
    const commit = ++document.commits;
    this.#changes?.append({ documentId, kind, commit, at: Date.now() });
    return commit;
  }

  #find(documentId: string): MemoryDocument | undefined {
    this.#checkOpen();
    checkDocumentId(documentId);
    return this.#documents.get(documentId);
  }
}
