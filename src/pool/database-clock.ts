import type { Logger } from 'pino';
import type { Work } from '../messages/work.js';
import type { ShardSet } from './shard-set.js';

export interface DatabaseClockOptions {
  readonly shards: Pick<ShardSet, 'links'>;
  readonly log: Logger;
  /** Difference at which the node is not to be used, in ms. */
  readonly maxSkewMs: number;
}

/** Time between two comparisons, in ms. */
const EVERY_MS = 10_000;
/** Difference from which on it is logged, in ms; the alert begins there too. */
const REPORT_MS = 5_000;

/**
 * Compares this host's clock with that of the database, which all nodes share: their clocks decide which write wins.
 * Without a database there is nothing to compare.
 */
export class DatabaseClock {
  readonly #options: DatabaseClockOptions;
  #offsetMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #reported = false;

  constructor(options: DatabaseClockOptions) {
    this.#options = options;
  }

  /** How far this clock is ahead of the database's, in ms, as last measured; 0 when it never was. */
  get offsetMs(): number {
    return this.#offsetMs;
  }

  /** Whether the difference is larger than a node may have. */
  get isOff(): boolean {
    return Math.abs(this.#offsetMs) > this.#options.maxSkewMs;
  }

  /** Compares now and from now on. Resolves after the first comparison, also when that failed. */
  async start(): Promise<void> {
    await this.#compare();
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      void this.start();
    }, EVERY_MS);
    this.#timer.unref();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #compare(): Promise<void> {
    const { shards, log } = this.#options;
    let offset: unknown;
    try {
      offset = await shards.links[0]?.ask({ kind: 'clock' } satisfies Work);
    } catch (error) {
      // Writes and loads report that the storage is away; what was measured before still holds.
      log.debug({ err: error }, 'the clock could not be compared with the database’s');
      return;
    }
    if (typeof offset !== 'number') return;
    this.#offsetMs = offset;
    this.#report();
  }

  #report(): void {
    const isLarge = Math.abs(this.#offsetMs) > REPORT_MS;
    if (isLarge === this.#reported) return;
    this.#reported = isLarge;
    const { log } = this.#options;
    const offsetMs = Math.round(this.#offsetMs);
    if (isLarge) log.warn({ offsetMs }, 'the clock of this host differs from that of the database');
    else log.info({ offsetMs }, 'the clock of this host agrees with that of the database again');
  }
}
