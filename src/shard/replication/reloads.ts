import type { Logger } from 'pino';
import type { Storage, StoredDocument } from '../../storage/port.js';

export interface ReloadsOptions {
  readonly storage: Pick<Storage, 'load'>;
  readonly log: Logger;
  /** Whether a document is on its way from the storage for another reason; it is then loaded again after that. */
  readonly isLoading: (documentId: string) => boolean;
  readonly onLoaded: (documentId: string, stored: StoredDocument) => void;
  /** Called after each request. */
  readonly endTurn: () => void;
}

/** Documents loaded with one request. */
const BATCH = 64;
/** Of single documents, after which it is the storage that fails. */
const MAX_FAILURES = 3;
/** After a load that failed or was too old, in ms. */
const RETRY_MS = 1_000;

/** Documents that may be older than the storage, and are loaded once more; one request at a time. */
export class Reloads {
  readonly #options: ReloadsOptions;
  readonly #due = new Set<string>();
  /** Those of the request that is under way, until they are to be loaded once more. */
  readonly #underWay = new Set<string>();
  #running = false;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: ReloadsOptions) {
    this.#options = options;
  }

  /** Loads them with a request that begins after this call. */
  add(documentIds: readonly string[]): void {
    for (const documentId of documentIds) this.#due.add(documentId);
    void this.#run();
  }

  /** The same in a while. */
  addLater(documentId: string): void {
    setTimeout(() => {
      this.add([documentId]);
    }, RETRY_MS).unref();
  }

  /** Nobody wants it any more. */
  delete(documentId: string): void {
    this.#due.delete(documentId);
  }

  /** What is on its way of a document may be too old, and is not to be merged. */
  invalidate(documentId: string): void {
    if (this.#underWay.delete(documentId)) this.#due.add(documentId);
  }

  /** A document is no longer loading. */
  resume(documentId: string): void {
    if (this.#due.has(documentId)) void this.#run();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
  }

  async #run(): Promise<void> {
    if (this.#running || this.#retry !== undefined) return;
    this.#running = true;
    for (let ids = this.#nextBatch(); ids.length > 0 && !this.#closed; ids = this.#nextBatch()) {
      if (await this.#load(ids)) continue;
      this.#postpone();
      break;
    }
    this.#running = false;
  }

  /** @returns Whether to go on: not when the storage is away. */
  async #load(ids: readonly string[]): Promise<boolean> {
    const { storage, log, onLoaded, endTurn } = this.#options;
    let stored: readonly StoredDocument[];
    for (const id of ids) this.#underWay.add(id);
    try {
      stored = await storage.load(ids);
    } catch (error) {
      for (const id of ids) this.#underWay.delete(id);
      if (ids.length > 1 && !this.#closed) return this.#loadSingly(ids);
      if (!this.#closed) log.error({ err: error, documents: ids.length }, 'documents could not be loaded again');
      for (const id of ids) this.#due.add(id);
      return false;
    }
    if (this.#closed) return false;
    stored.forEach((document, i) => {
      const id = ids[i] ?? '';
      if (this.#underWay.delete(id)) onLoaded(id, document);
    });
    endTurn();
    return true;
  }

  /** One that can't be read must not hold up the others, nor many that take too long together. */
  async #loadSingly(ids: readonly string[]): Promise<boolean> {
    let failures = 0;
    for (const [i, id] of ids.entries()) {
      if (await this.#load([id])) continue;
      if (++failures < MAX_FAILURES) continue;
      for (const left of ids.slice(i + 1)) this.#due.add(left);
      break;
    }
    return failures === 0;
  }

  #postpone(): void {
    if (this.#closed) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      void this.#run();
    }, RETRY_MS);
  }

  /** Removes some that are not loading from those that are due. */
  #nextBatch(): string[] {
    const ids: string[] = [];
    for (const id of this.#due) {
      if (ids.length >= BATCH) break;
      if (this.#options.isLoading(id)) continue;
      this.#due.delete(id);
      ids.push(id);
    }
    return ids;
  }
}
