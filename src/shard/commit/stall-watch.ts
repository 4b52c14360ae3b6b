import type { Logger } from 'pino';

export interface StallWatchOptions {
  readonly log: Logger;
  /** Time after which a commit that still runs counts as failing, in ms. */
  readonly stallMs: number;
  readonly onStall: () => void;
}

/** Notices a commit that neither succeeds nor fails: a lock that somebody else holds, a disk that hangs. */
export class StallWatch {
  readonly #options: StallWatchOptions;
  #isStalled = false;

  constructor(options: StallWatchOptions) {
    this.#options = options;
  }

  /** Whether the commit that runs takes too long. */
  get isStalled(): boolean {
    return this.#isStalled;
  }

  /** @param rows For the log. */
  async run<Result>(rows: number, commit: () => Promise<Result>): Promise<Result> {
    const { log, stallMs, onStall } = this.#options;
    const timer = setTimeout(() => {
      this.#isStalled = true;
      log.error({ rows, stallMs }, 'a commit takes too long (SYNCKIT_COMMIT_STALL_MS); all others wait for it');
      onStall();
    }, stallMs).unref();
    try {
      return await commit();
    } finally {
      clearTimeout(timer);
      if (this.#isStalled) log.info('the commit that took too long is over');
      this.#isStalled = false;
    }
  }
}
