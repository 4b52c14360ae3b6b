/** A part of so many bytes costs no more than it is worth. */
const FAIR_BYTES = 64;

/** Whether a body comes in parts that are worth their cost: each is a call from uWebSockets, of one byte or of many. */
export class PartLimit {
  readonly #max: number;
  #parts = 0;
  #bytes = 0;

  /** @param max Parts, besides one for each 64 bytes. */
  constructor(max: number) {
    this.#max = max;
  }

  /** A part has come. @returns False when it is one too many. */
  take(bytes: number): boolean {
    this.#parts++;
    this.#bytes += bytes;
    return this.#parts <= this.#max + this.#bytes / FAIR_BYTES;
  }
}
