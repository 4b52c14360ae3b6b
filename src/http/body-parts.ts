/** Memory that is taken at least when a second part comes, in bytes. */
const LEAST_BYTES = 1_024;

/**
 * The parts of a body, one behind the other in one buffer. A client may send them byte by byte, and a buffer for each of
 * them would take a hundred times the memory of what is in it.
 */
export class BodyParts {
  readonly #maxBytes: number;
  #buffer = Buffer.alloc(0);
  #length = 0;

  /** @param maxBytes That all parts have together. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** All that has come: a view of the buffer. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Bytes of memory that a part of this length takes besides. */
  growthFor(length: number): number {
    const needed = this.#length + length;
    const held = this.#buffer.length;
    if (needed <= held) return 0;
    // Often there is one part only.
    if (held === 0) return needed;
    return Math.max(needed, Math.min(this.#maxBytes, Math.max(2 * held, LEAST_BYTES))) - held;
  }

  /** @param part Copied. */
  add(part: Uint8Array): void {
    const more = this.growthFor(part.length);
    if (more > 0) {
      const larger = Buffer.allocUnsafeSlow(this.#buffer.length + more);
      larger.set(this.bytes);
      this.#buffer = larger;
    }
    this.#buffer.set(part, this.#length);
    this.#length += part.length;
  }

  clear(): void {
    this.#buffer = Buffer.alloc(0);
    this.#length = 0;
  }
}
