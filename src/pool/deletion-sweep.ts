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

/** Erases documents that have been deleted for long enough, and goes on with erasures that were cut short. */
export class DeletionSweep {
  readonly #options: DeletionSweepOptions;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(options: DeletionSweepOptions) {
    this.#options = options;
  }

  /** Nodes that start together do not look at the same time. */
  start(): void {
    if (this.#isStopped) return;
    const everyMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, this.#options.keepMs / 10));
    this.#timer = setTimeout(() => void this.#run(), everyMs * (0.5 + Math.random()));
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
      if (!this.#isStopped) this.#options.log.warn({ err: error }, 'deleted documents could not be erased');
    }
    this.start();
  }

  async #sweep(): Promise<void> {
    const { documents, keepMs, onErased, log } = this.#options;
    let erased = 0;
    for (let after: string | undefined = ''; after !== undefined && erased < MOST;) {
      const page: ListPage = await documents.list({ prefix: '', after, limit: PAGE, state: 'deleted' });
      for (const { id, deletedAt = Infinity, isErasing } of page.documents) {
        const isDue = deletedAt < Date.now() - keepMs || isErasing === true;
        // Another node may have done it meanwhile, or somebody may have restored it.
        if (!isDue || this.#isStopped) continue;
        if (!(await documents.end({ kind: 'erase', documentId: id, deletedBefore: deletedAt + 1 }))) continue;
        erased++;
        onErased();
      }
      after = page.next;
    }
    if (erased > 0) log.info({ documents: erased }, 'documents were erased that had been deleted for long enough');
  }
}
