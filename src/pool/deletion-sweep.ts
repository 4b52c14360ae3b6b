import type { Logger } from 'pino';
import type { ListPage } from '../storage/lifecycle/port.js';
import type { LifecycleClient } from './lifecycle-client.js';

export interface DeletionSweepOptions {
  readonly documents: LifecycleClient;
  readonly log: Logger;
  /** For so long a deleted document is kept, in ms. */
  readonly keepMs: number;
  readonly onErased: () => void;
}

/** Between two looks, in ms: a tenth of the time that documents are kept, within these bounds. */
const SHORTEST_MS = 1_000;
const LONGEST_MS = 10 * 60_000;
/** Documents of one request, and those that are erased in one look. */
const PAGE = 100;
const MOST = 1_000;
/** After so many failures in a row, the storage is away. */
const MOST_FAILURES = 5;

/** Erases documents that have been deleted for long enough, and goes on with erasures that were cut short. */
export class DeletionSweep {
  readonly #options: DeletionSweepOptions;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  /** Where the next look goes on: documents that can't be erased must not keep it from those behind them. */
  #after = '';

  constructor(options: DeletionSweepOptions) {
    this.#options = options;
  }

  /** Nodes that start together do not look at the same time. */
  start(): void {
    if (this.#isStopped) return;
    const everyMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, this.#options.keepMs / 10));
    this.#timer = setTimeout(() => void this.#run(), (everyMs * (1 + Math.random())) / 2);
    this.#timer.unref();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    try {
      await this.#sweep();
    } catch (error) {
      if (!this.#isStopped) this.#options.log.warn({ err: error }, 'deleted documents could not be listed');
    }
    this.start();
  }

  async #sweep(): Promise<void> {
    const { documents, keepMs, log } = this.#options;
    let [erased, failures] = [0, 0];
    for (;;) {
      const page: ListPage = await documents.list({ prefix: '', after: this.#after, limit: PAGE, state: 'deleted' });
      for (const { id, deletedAt = Infinity, isErasing } of page.documents) {
        const isDue = deletedAt < Date.now() - keepMs || isErasing === true;
        if (!isDue || this.#isStopped) continue;
        const isErased = await this.#erase(id, deletedAt);
        failures = isErased === undefined ? failures + 1 : 0;
        if (isErased === true) erased++;
        if (failures < MOST_FAILURES) continue;
        this.#after = id;
        return;
      }
      this.#after = page.next ?? '';
      if (page.next === undefined || erased >= MOST || this.#isStopped) break;
    }
    if (erased > 0) log.info({ documents: erased }, 'documents were erased that had been deleted for long enough');
  }

  /** @returns Undefined when it failed; false when another node has done it meanwhile, or somebody has restored it. */
  async #erase(documentId: string, deletedAt: number): Promise<boolean | undefined> {
    const { documents, onErased, log } = this.#options;
    try {
      const isErased = await documents.end({ kind: 'erase', documentId, deletedBefore: deletedAt + 1 });
      if (isErased) onErased();
      return isErased;
    } catch (error) {
      if (!this.#isStopped) log.warn({ err: error, documentId }, 'a deleted document could not be erased');
      return undefined;
    }
  }
}
