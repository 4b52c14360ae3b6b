/** Leaves a receiver alone that does not answer, and tries it again with one call. */

/** So many failures in a row open it. */
const FAILURES_TO_OPEN = 5;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

export class Breaker {
  #failures = 0;
  #until = 0;

  get isOpen(): boolean {
    return this.#failures >= FAILURES_TO_OPEN;
  }

  /** How many calls may be under way. @param now By `performance.now()`. */
  allows(most: number, now: number): number {
    if (!this.isOpen) return most;
    return now < this.#until ? 0 : 1;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  failed(now: number): void {
    this.#failures++;
    if (!this.isOpen) return;
    const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#failures - FAILURES_TO_OPEN));
    this.#until = now + pauseMs;
  }
}
