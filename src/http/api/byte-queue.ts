/** Bytes in their order, in blocks of one size: so they are copied once, and many small ones take no more than they are. */
export class ByteQueue {
  readonly #blockBytes: number;
  readonly #blocks: Buffer[] = [];
  /** What the last block holds. */
  #filled = 0;
  #bytes = 0;

  constructor(blockBytes: number) {
    this.#blockBytes = blockBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @param bytes Copied. */
  add(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    for (let copied = 0; copied < bytes.length;) {
      let block = this.#blocks.at(-1);
      if (block === undefined || this.#filled === block.length) {
        this.#blocks.push((block = Buffer.allocUnsafeSlow(this.#blockBytes)));
        this.#filled = 0;
      }
      const part = bytes.subarray(copied, copied + block.length - this.#filled);
      block.set(part, this.#filled);
      this.#filled += part.length;
      copied += part.length;
    }
  }

  /** Takes the first block; empty when there is none. */
  shift(): Buffer {
    const block = this.#blocks.shift() ?? Buffer.alloc(0);
    const taken = this.#blocks.length === 0 ? block.subarray(0, this.#filled) : block;
    this.#bytes -= taken.length;
    return taken;
  }

  clear(): void {
    this.#blocks.length = 0;
    this.#filled = 0;
    this.#bytes = 0;
  }
}
