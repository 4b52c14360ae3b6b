/** Removes entries of the feed that are too old or too many. */
import type { ChangeFeed } from '../storage/changes/port.js';

export interface PruningOptions {
  readonly feed: ChangeFeed;
  /** Age in ms. */
  readonly maxAgeMs: number;
  readonly maxEntries: number;
  /** The cursor behind which entries are needed, if somebody needs them. */
  readonly keepAfter: () => Promise<string | undefined>;
  readonly onFailed: (error: unknown) => void;
}

/** More often than the feed outlives the nodes that want it (`setRecording`). */
const EVERY_MS = 30_000;

export class Pruning {
  readonly #options: PruningOptions;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #isStopped = false;
  #pruned = 0;

  constructor(options: PruningOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(
      () => {
        this.#running = this.#prune().finally(() => {
          this.#running = undefined;
          this.start();
        });
      },
      // Nodes that start together do not prune together.
      (EVERY_MS * (1 + Math.random())) / 2,
    );
  }

  /** Resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  /** Entries that were removed since this was asked last. */
  takePruned(): number {
    const pruned = this.#pruned;
    this.#pruned = 0;
    return pruned;
  }

  async #prune(): Promise<void> {
    const { feed, maxAgeMs, maxEntries, keepAfter, onFailed } = this.#options;
    try {
      for (;;) {
        const request = { before: Date.now() - maxAgeMs, maxEntries, keepAfter: await keepAfter() };
        const pruned = await feed.prune(request);
        this.#pruned += pruned;
        if (pruned === 0 || this.#isStopped) return;
      }
    } catch (error) {
      onFailed(error);
    }
  }
}
