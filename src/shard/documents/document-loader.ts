import { TextRefused } from '@synckit/core-wasm';
import type { Logger } from 'pino';
import type { ShardMetrics } from '../../metrics/shard-metrics.js';
import type { Storage, StoredDocument } from '../../storage/port.js';
import type { Documents, LoadedDocument, LoadingDocument, WaitingGroup } from './documents.js';

export interface DocumentLoaderOptions {
  readonly storage: Pick<Storage, 'load'>;
  readonly documents: Documents;
  readonly log: Logger;
  readonly metrics: Pick<ShardMetrics, 'loadTime' | 'loadFailures'>;
  /** A document is in memory, as it was stored; what throws here ends the worker. */
  readonly onLoaded: (document: LoadedDocument, waiting: readonly WaitingGroup[]) => void;
  /** A document can't be loaded now, or is deleted; whoever asks for it next tries again. */
  readonly onFailed: (
    documentId: string,
    waiting: readonly WaitingGroup[],
    code: 'STORAGE_UNAVAILABLE' | 'DOCUMENT_DELETED',
  ) => void;
  /** Called after each request, when its documents are loaded or have failed. */
  readonly onDone: () => void;
}

/** Documents asked of the storage with one request. */
const LOAD_BATCH = 64;

/** Loads documents that records wait for. */
export class DocumentLoader {
  readonly #options: DocumentLoaderOptions;
  /** From a load that failed to the next that succeeds. */
  #isFailing = false;

  constructor(options: DocumentLoaderOptions) {
    this.#options = options;
  }

  /** @param slots Of `Documents.beginLoad`. */
  load(slots: readonly LoadingDocument[]): void {
    for (let i = 0; i < slots.length; i += LOAD_BATCH) void this.#load(slots.slice(i, i + LOAD_BATCH));
  }

  async #load(slots: readonly LoadingDocument[]): Promise<void> {
    const { storage, metrics, onLoaded, onFailed, onDone } = this.#options;
    const started = performance.now();
    let stored: readonly StoredDocument[];
    try {
      stored = await storage.load(slots.map((slot) => slot.id));
    } catch (error) {
      // One that can't be read must not take the others with it.
      if (slots.length > 1) for (const slot of slots) void this.#load([slot]);
      else for (const slot of slots) this.#fail(slot, error);
      return;
    }
    metrics.loadTime.observe((performance.now() - started) / 1_000);
    this.#isFailing = false;
    slots.forEach((slot, i) => {
      const found = stored[i];
      if (found === undefined) throw new Error('the storage answered with fewer documents than it was asked for');
      if (slot.isStale) {
        slot.isStale = false;
        this.load([slot]);
        return;
      }
      if (found.deletedAt !== undefined) {
        this.#options.documents.failLoad(slot);
        onFailed(slot.id, slot.waiting, 'DOCUMENT_DELETED');
        return;
      }
      const document = this.#finish(slot, found);
      if (document !== undefined) onLoaded(document, slot.waiting);
    });
    onDone();
  }

  #finish(slot: LoadingDocument, stored: StoredDocument): LoadedDocument | undefined {
    try {
      return this.#options.documents.finishLoad(slot, stored);
    } catch (error) {
      if (!(error instanceof TextRefused)) throw error;
      this.#fail(slot, error);
      return undefined;
    }
  }

  #fail(slot: LoadingDocument, error: unknown): void {
    const { documents, log, metrics, onFailed, onDone } = this.#options;
    // While the storage is away that is true of every document that anybody asks for.
    const level = this.#isFailing && !(error instanceof TextRefused) ? 'debug' : 'error';
    log[level]({ err: error, documentId: slot.id }, 'a document could not be loaded');
    this.#isFailing = true;
    documents.failLoad(slot);
    metrics.loadFailures.add(1);
    onFailed(slot.id, slot.waiting, 'STORAGE_UNAVAILABLE');
    onDone();
  }
}
