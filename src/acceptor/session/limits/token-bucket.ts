/** How much a bucket lets pass; what the buckets of all sessions have in common. */
export class Rate {
  /** Milliseconds in which one more may be used; 0 where there is no limit. */
  readonly msPerToken: number;
  /** Milliseconds after which an empty bucket is full. */
  readonly msToFill: number;

  /**
   * @param perSecond 0 = no limit.
   * @param burst The most that may be used at once.
   */
  constructor(perSecond: number, burst: number) {
    this.msPerToken = perSecond === 0 ? 0 : 1_000 / perSecond;
    this.msToFill = burst * this.msPerToken;
  }
}

/** What sums of fractions may be wrong by, in ms. */
const ROUNDING_MS = 1e-3;

/**
 * Allows an amount per second, and more in bursts. What was used beyond the burst has to be waited for. When it will be
 * full again says all about it. Times are milliseconds of the monotonic clock.
 */
export class TokenBucket {
  readonly #rate: Rate;
  #fullAt = 0;

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  /** Takes tokens. @returns False, with none taken, when there are fewer. */
  take(now: number, amount = 1): boolean {
    const fullAt = this.#after(now, amount);
    if (fullAt - now > this.#rate.msToFill + ROUNDING_MS) return false;
    this.#fullAt = fullAt;
    return true;
  }

  /** Takes tokens whether they are there or not; a negative amount gives some back. */
  charge(now: number, amount: number): void {
    this.#fullAt = this.#after(now, amount);
  }

  /** Milliseconds until there are as many tokens; 0 when they are there. */
  waitMs(now: number, amount = 1): number {
    const missing = this.#after(now, amount) - now - this.#rate.msToFill;
    return missing <= ROUNDING_MS ? 0 : Math.ceil(missing);
  }

  /** Whether nothing of it is in use, so that a new bucket is as good. */
  isFull(now: number): boolean {
    return this.#fullAt <= now;
  }

  /** When it is full again after so much is taken. */
  #after(now: number, amount: number): number {
    return Math.max(this.#fullAt, now) + amount * this.#rate.msPerToken;
  }
}

/** A bucket for a number of messages per minute, in bursts of up to that number. @param amount 0 = no limit. */
export function perMinute(amount: number): Rate {
  return new Rate(amount / 60, amount);
}
