/** Allows an amount per second, and more in bursts. What was used beyond the burst has to be waited for. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #since: number;

  /**
   * @param perSecond 0 = no limit.
   * @param burst The most that may be used at once.
   * @param now Milliseconds of the monotonic clock.
   */
  constructor(perSecond: number, burst: number, now: number) {
    this.#perMs = perSecond / 1_000;
    this.#burst = burst;
    this.#tokens = burst;
    this.#since = now;
  }

  /** Takes tokens. @returns False, with none taken, when there are fewer. */
  take(now: number, amount = 1): boolean {
    if (this.#perMs === 0) return true;
    this.#refill(now);
    if (this.#tokens < amount) return false;
    this.#tokens -= amount;
    return true;
  }

  /** Takes tokens whether they are there or not; a negative amount gives some back. */
  charge(now: number, amount: number): void {
    if (this.#perMs === 0) return;
    this.#refill(now);
    this.#tokens = Math.min(this.#burst, this.#tokens - amount);
  }

  /** Milliseconds until there are as many tokens; 0 when they are there. */
  waitMs(now: number, amount = 1): number {
    if (this.#perMs === 0) return 0;
    this.#refill(now);
    return this.#tokens >= amount ? 0 : Math.ceil((amount - this.#tokens) / this.#perMs);
  }

  /** Whether nothing of it is in use, so that a new bucket is as good. */
  isFull(now: number): boolean {
    if (this.#perMs === 0) return true;
    this.#refill(now);
    return this.#tokens >= this.#burst;
  }

  #refill(now: number): void {
    if (now <= this.#since) return;
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#since) * this.#perMs);
    this.#since = now;
  }
}

/** A bucket for a number of messages per minute, in bursts of up to that number. @param perMinute 0 = no limit. */
export function perMinute(amount: number, now: number): TokenBucket {
  return new TokenBucket(amount / 60, amount, now);
}
