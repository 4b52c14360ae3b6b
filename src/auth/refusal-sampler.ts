/** Which lines about refused credentials are written: strangers could otherwise fill the log and the disk. */
export class RefusalSampler {
  readonly #perAddress: number;
  readonly #onSkipped: () => void;
  /** Lines of this second by address; it grows with what was written, not with what came. */
  #lines = new Map<string, number>();
  #second = 0;
  #written = 0;
  #skipped = 0;

  /**
   * @param perAddress Lines a second.
   * @param onSkipped Called for each that is not written.
   */
  constructor(perAddress: number, onSkipped: () => void) {
    this.#perAddress = perAddress;
    this.#onSkipped = onSkipped;
  }

  /**
   * @param now Milliseconds of the monotonic clock.
   * @returns Undefined when the line is not to be written, else how many were not since the last one.
   */
  take(address: string, now: number): number | undefined {
    const second = Math.floor(now / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#written = 0;
      this.#lines = new Map();
    }
    const lines = this.#lines.get(address) ?? 0;
    if (lines >= this.#perAddress || this.#written >= this.#perAddress * addressesAtOnce) {
      this.#skipped++;
      this.#onSkipped();
      return undefined;
    }
    this.#lines.set(address, lines + 1);
    this.#written++;
    const skipped = this.#skipped;
    this.#skipped = 0;
    return skipped;
  }
}

/** So many addresses may use up what they have, each second. */
const addressesAtOnce = 20;
