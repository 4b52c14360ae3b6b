export interface LookAroundOptions {
  /** For so long something is kept, in ms: it is looked for every tenth of that, within the bounds. */
  readonly keepMs: number;
  readonly longestMs: number;
  readonly look: () => Promise<void>;
  /** A look failed before the end; not called after `stop`. */
  readonly onFailed: (error: unknown) => void;
}

const SHORTEST_MS = 1_000;

/** Looks now and then for what is kept for too long, one look at a time. Nodes that start together do not look at once. */
export class LookAround {
  readonly #options: LookAroundOptions;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(options: LookAroundOptions) {
    this.#options = options;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  start(): void {
    if (this.#isStopped) return;
    const { keepMs, longestMs } = this.#options;
    const everyMs = Math.min(longestMs, Math.max(SHORTEST_MS, keepMs / 10));
    this.#timer = setTimeout(() => void this.#run(), (everyMs * (1 + Math.random())) / 2);
    this.#timer.unref();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    try {
      await this.#options.look();
    } catch (error) {
      if (!this.#isStopped) this.#options.onFailed(error);
    }
    this.start();
  }
}
