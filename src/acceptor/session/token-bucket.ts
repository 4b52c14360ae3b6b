/** Allows a number of messages per minute, in bursts of up to that number. */
export class TokenBucket {
  readonly #perMinute: number;
  #tokens: number;
  #since: number;

  /**
   * @param perMinute 0 = no limit.
   * @param now Milliseconds of the monotonic clock.
   */
  constructor(perMinute: number, now: number) {
    this.#perMinute = perMinute;
    this.#tokens = perMinute;
    this.#since = now;
  }

  /** Takes one token. @returns False when there is none. */
  take(now: number): boolean {
    if (this.#perMinute === 0) return true;
    this.#tokens = Math.min(this.#perMinute, this.#tokens + ((now - this.#since) * this.#perMinute) / 60_000);
    this.#since = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
