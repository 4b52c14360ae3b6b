export interface FlushBudgetOptions {
  /** Percent of a core that the flushes of all documents may take together; 0 = every window is `capMs`. */
  readonly share: number;
  /** Longest window, in ms. */
  readonly capMs: number;
  /** How busy the thread was since the last call, from 0 to 1. */
  readonly utilization: () => number;
}

/**
 * What a flush costs besides its deliveries, in ms: task, merge, commit and answer, on all threads. A lone write takes
 * about as much.
 */
const FIXED_MS = 0.2;
/** What a subscriber costs a flush until it has been measured, in ms: a system call. */
const FIRST_PER_SUBSCRIBER_MS = 0.01;
/** Subscribers that are reached before their cost counts: the clock can't time less. */
const SAMPLE = 1_000;
/** How much of the estimate a sample replaces. */
const WEIGHT = 0.25;
/** A turn counts for so many times what was expected, or a pause of the machine would be taken for the cost of a flush. */
const MOST_UNEXPECTED = 4;
/** How busy the thread may be before fewer flushes leave more of it to everything else, from 0 to 1. */
const BUSY = 0.85;
/** Time over which the level follows the load, in ms, unless the longest window is longer. */
const LEAST_PERIOD_MS = 50;

/**
 * How long a document is collected after a flush, so that all flushes together take a bounded share of a core: what its
 * flush costs, divided by the level, which is the share that the flushes of one document may take. The level is the whole
 * share as long as all of them stay within it and the thread has time to spare. When they don't, it sinks, and the
 * documents that cost most wait longer while those that ask for little are still sent soon.
 *
 * What a flush costs for each byte is left out: waiting saves nothing of it, so counting it would make those wait longer
 * who write most, for nothing.
 */
export class FlushBudget {
  readonly #share: number;
  readonly #capMs: number;
  readonly #utilization: () => number;
  readonly #periodMs: number;
  #perSubscriberMs = FIRST_PER_SUBSCRIBER_MS;
  #level: number;
  /** The cost of the flushes of this period, and when it began. */
  #spentMs = 0;
  #periodStart = -Infinity;
  /** What was measured since the last sample. */
  #measuredMs = 0;
  #reached = 0;

  constructor({ share, capMs, utilization }: FlushBudgetOptions) {
    this.#share = share / 100;
    this.#capMs = capMs;
    this.#utilization = utilization;
    this.#periodMs = Math.max(LEAST_PERIOD_MS, capMs);
    this.#level = this.#share;
  }

  /** What a subscriber costs a flush, besides the bytes that it gets, in ms. */
  get perSubscriberMs(): number {
    return this.#perSubscriberMs;
  }

  /**
   * What it took to publish.
   *
   * @param ms Of a turn of the event loop, until all was sent.
   * @param reached Subscribers that got something in it; the bytes that they got count as some more.
   */
  measured(ms: number, reached: number): void {
    this.#measuredMs += Math.min(ms, MOST_UNEXPECTED * this.#perSubscriberMs * reached);
    this.#reached += reached;
    if (this.#reached < SAMPLE) return;
    this.#perSubscriberMs += WEIGHT * (this.#measuredMs / this.#reached - this.#perSubscriberMs);
    this.#measuredMs = 0;
    this.#reached = 0;
  }

  /**
   * Charges a flush of a document.
   *
   * @param now Milliseconds of the monotonic clock.
   * @returns Milliseconds until its next one, at most the longest window.
   */
  flushed(subscribers: number, now: number): number {
    if (this.#share === 0) return this.#capMs;
    const cost = FIXED_MS + subscribers * this.#perSubscriberMs;
    this.#follow(now);
    this.#spentMs += cost;
    return Math.min(this.#capMs, cost / this.#level);
  }

  /** Moves the level by how much the flushes of the period that is over took. */
  #follow(now: number): void {
    const elapsed = now - this.#periodStart;
    if (elapsed < this.#periodMs) return;
    const most = 2 ** Math.min(10, elapsed / this.#periodMs);
    const change = Math.min((this.#share * elapsed) / this.#spentMs, BUSY / this.#utilization(), most);
    // No lower than where the cheapest flush waits for the longest window: there, nothing can be spread any more.
    const least = Math.min(this.#share, FIXED_MS / this.#capMs);
    this.#level = Math.min(this.#share, Math.max(least, this.#level * Math.max(0.5, change)));
    this.#spentMs = 0;
    this.#periodStart = now;
  }
}
