import type { Logger } from 'pino';
import type { ListPage } from '../storage/lifecycle/port.js';
import type { LifecycleClient } from './lifecycle-client.js';
import { LookAround } from './look-around.js';

export interface DeletionSweepOptions {
  readonly documents: LifecycleClient;
  readonly log: Logger;
  /** For so long a deleted document is kept, in ms. */
  readonly keepMs: number;
  readonly onErased: () => void;
}

/** Between two looks, in ms. */
const LONGEST_MS = 10 * 60_000;
/** Documents of one request, and those that are erased in one look. */
const PAGE = 100;
const MOST = 1_000;
/** After so many failures in a row, the storage is away. */
const MOST_FAILURES = 5;

/** Erases documents that have been deleted for long enough, and goes on with erasures that were cut short. */
export class DeletionSweep {
  readonly #options: DeletionSweepOptions;
  readonly #looks: LookAround;
  /** Where the next look goes on: documents that can't be erased must not keep it from those behind them. */
  #after = '';

  constructor(options: DeletionSweepOptions) {
    this.#options = options;
    this.#looks = new LookAround({
      keepMs: options.keepMs,
      longestMs: LONGEST_MS,
      look: () => this.#sweep(),
      onFailed: (error) => {
        options.log.warn({ err: error }, 'deleted documents could not be listed');
      },
    });
  }

  start(): void {
    this.#looks.start();
  }

  stop(): void {
    this.#looks.stop();
  }

  async #sweep(): Promise<void> {
    const { documents, keepMs, log } = this.#options;
    let [erased, failures] = [0, 0];
    for (;;) {
      const page: ListPage = await documents.list({ prefix: '', after: this.#after, limit: PAGE, state: 'deleted' });
      for (const { id, deletedAt = Infinity, isErasing } of page.documents) {
        const isDue = deletedAt < Date.now() - keepMs || isErasing === true;
        if (!isDue || this.#looks.isStopped) continue;
        const isErased = await this.#erase(id, deletedAt);
        failures = isErased === undefined ? failures + 1 : 0;
        if (isErased === true) erased++;
        if (failures < MOST_FAILURES) continue;
        this.#after = id;
        return;
      }
      this.#after = page.next ?? '';
      if (page.next === undefined || erased >= MOST || this.#looks.isStopped) break;
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
      if (!this.#looks.isStopped) log.warn({ err: error, documentId }, 'a deleted document could not be erased');
      return undefined;
    }
  }
}
