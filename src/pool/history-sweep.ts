import type { Logger } from 'pino';
import type { HistoryDocument } from '../storage/history/port.js';
import type { HistoryClient } from './history-client.js';
import { LookAround } from './look-around.js';

export interface HistorySweepOptions {
  readonly history: Pick<HistoryClient, 'list' | 'prune'>;
  readonly log: Logger;
  /** For so long an entry is kept, in ms. */
  readonly keepMs: number;
  /** Entries that a document keeps. */
  readonly keep: number;
  readonly onPruned: (entries: number) => void;
  readonly onFailed: () => void;
}

/** Between two looks, in ms. */
const LONGEST_MS = 60_000;
/** Documents of one request, and those of one look. */
const PAGE = 200;
const MOST_DOCUMENTS = 10_000;
/** Calls of one look that drop something: each is a transaction. */
const MOST_PRUNES = 200;

/**
 * Keeps histories in bounds, a bounded number of documents at a time, from where it stopped the last time. Nodes that share
 * a storage may do the same at once: what one has dropped, the other does not find.
 */
export class HistorySweep {
  readonly #options: HistorySweepOptions;
  readonly #looks: LookAround;
  #after = '';

  constructor(options: HistorySweepOptions) {
    this.#options = options;
    this.#looks = new LookAround({
      keepMs: options.keepMs,
      longestMs: LONGEST_MS,
      look: () => this.#sweep(),
      onFailed: (error) => {
        this.#failed(error);
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
    const { history } = this.#options;
    let [documents, prunes] = [0, 0];
    while (documents < MOST_DOCUMENTS && this.#mayGoOn(prunes)) {
      const page = await history.list(this.#after, PAGE);
      for (const document of page) {
        if (!this.#mayGoOn(prunes)) return;
        prunes += await this.#prune(document);
        this.#after = document.id;
      }
      documents += page.length;
      if (page.length < PAGE) {
        this.#after = '';
        return;
      }
    }
  }

  /** @returns How many calls it took. */
  async #prune({ id: documentId, entries, oldestAt }: HistoryDocument): Promise<number> {
    const { history, keepMs, keep, onPruned } = this.#options;
    const before = Date.now() - keepMs;
    if (entries === 0 || (entries <= keep && oldestAt >= before)) return 0;
    try {
      for (let calls = 1; ; calls++) {
        const pruned = await history.prune({ documentId, before, keep });
        if (pruned.entries > 0) onPruned(pruned.entries);
        if (!pruned.hasMore || !this.#mayGoOn(calls)) return calls;
      }
    } catch (error) {
      // One that can't be pruned must not keep it from those behind.
      if (!this.#looks.isStopped) this.#failed(error, documentId);
      return 1;
    }
  }

  #mayGoOn(prunes: number): boolean {
    return !this.#looks.isStopped && prunes < MOST_PRUNES;
  }

  #failed(error: unknown, documentId?: string): void {
    this.#options.onFailed();
    this.#options.log.warn({ err: error, documentId }, 'old entries of histories could not be dropped');
  }
}
