import type { EndingRequest, LifecycleRequest } from '../../messages/lifecycle-request.js';
import type { ListPage } from '../../storage/lifecycle/port.js';
import type { Storage, StoredDocument } from '../../storage/port.js';
import type { Outbox } from '../outbox.js';
import type { Documents, LoadedDocument } from './documents.js';

export interface EndingsOptions {
  readonly storage: Pick<Storage, 'lifecycle'>;
  readonly documents: Documents;
  readonly outbox: Pick<Outbox, 'ended' | 'flush'>;
  /** A fresh L. @param document Undefined for one that is not in memory. */
  readonly nextStamp: (document: LoadedDocument | undefined) => number;
  /** Tells the other nodes. @param commit The number of the deletion among the commits of the document. */
  readonly publish: (documentId: string, stamp: number, commit: number) => void;
}

/**
 * Documents that are deleted or erased, by this node or by another: their subscribers are told, and what is in memory is
 * dropped, so that the next one who asks gets what the storage has.
 */
export class Endings {
  readonly #options: EndingsOptions;
  /** Still in memory, because something of them is not durable or not answered yet. */
  readonly #left = new Set<LoadedDocument>();

  constructor(options: EndingsOptions) {
    this.#options = options;
  }

  /** Does what an administrator asks for. Rejects when the storage fails: whether it is done is not known then. */
  async do(request: LifecycleRequest): Promise<ListPage | boolean> {
    if (request.kind === 'list') return this.#options.storage.lifecycle.list(request.list);
    const { documents, nextStamp, publish, outbox } = this.#options;
    const { documentId } = request;
    const slot = documents.peek(documentId);
    const stamp = nextStamp(slot?.kind === 'loaded' ? slot : undefined);
    const commit = await this.#store(request, stamp);
    if (commit === undefined) return false;
    if (request.kind === 'restore') return true;
    this.#end(documentId);
    publish(documentId, stamp, commit);
    outbox.flush();
    return true;
  }

  /**
   * Compares what is stored with what is in memory.
   *
   * @returns Whether the document has ended; then nothing of what is stored is to be merged.
   */
  note(documentId: string, stored: StoredDocument): boolean {
    const slot = this.#options.documents.peek(documentId);
    // What is in memory may be from before it was erased.
    const isOther = slot?.kind === 'loaded' && slot.erasedAt !== stored.erasedAt;
    if (stored.deletedAt === undefined && !isOther) return false;
    this.#end(documentId);
    return true;
  }

  /** Drops what nothing waits for any more. */
  tidy(): void {
    if (this.#left.size === 0) return;
    for (const document of this.#left) this.release(document);
  }

  /** @returns Whether an ended document is dropped, so that it can be loaded. */
  release(document: LoadedDocument): boolean {
    const isDropped = this.#options.documents.drop(document);
    if (isDropped) this.#left.delete(document);
    return isDropped;
  }

  #store({ kind, documentId, deletedBefore }: EndingRequest, stamp: number): Promise<number | undefined> {
    const { lifecycle } = this.#options.storage;
    const at = Date.now();
    switch (kind) {
      case 'delete':
        return lifecycle.delete(documentId, at);
      case 'restore':
        return lifecycle.restore(documentId);
      case 'erase':
        return lifecycle.erase({ documentId, at, stamp, deletedBefore });
    }
  }

  #end(documentId: string): void {
    const { documents, outbox } = this.#options;
    const slot = documents.peek(documentId);
    if (slot?.kind === 'loading') slot.isStale = true;
    if (slot?.kind === 'loaded' && !slot.isEnded) {
      slot.isEnded = true;
      this.#left.add(slot);
      this.release(slot);
    }
    outbox.ended(documentId);
  }
}
