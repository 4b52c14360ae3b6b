/**
 * When something may happen that costs the same however much it does: at once after a pause, and under load at most once
 * per interval, so that more is done together. Waits on a timer, which fires up to a millisecond late.
 */
export class Cadence {
  readonly #intervalMs: number;
  readonly #action: () => void;
  #nextAt = 0;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param intervalMs Milliseconds between two times; 0 = no waiting.
   * @param action Called at the end of an interval in which `isOpen` was asked for in vain.
   */
  constructor(intervalMs: number, action: () => void) {
    this.#intervalMs = intervalMs;
    this.#action = action;
  }

  /** Whether it may happen now. If not, the action is called as soon as it may. */
  isOpen(): boolean {
    if (this.#intervalMs === 0) return true;
    if (this.#timer !== undefined) return false;
    const left = this.#nextAt - performance.now();
    if (left <= 0) return true;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#nextAt = 0;
      this.#action();
    }, Math.ceil(left)).unref();
    return false;
  }

  /** It happens now. */
  begin(): void {
    if (this.#intervalMs > 0) this.#nextAt = performance.now() + this.#intervalMs;
  }

  /** The next time need not wait. */
  skip(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#nextAt = 0;
  }
}
