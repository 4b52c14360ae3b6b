/** Methods of Node's Buffer that its types lack; several times faster than TextEncoder. */
interface StringBuffer extends Buffer<ArrayBuffer> {
  utf8Write(text: string, offset: number, length: number): number;
  utf8Slice(start: number, end: number): string;
}

/** Up to this many UTF-16 units a loop over them beats the call into the engine's encoder (65 to 90 ns for 20). */
const shortText = 32;

/**
 * Views over the linear memory of an instance, and strings in and out of it. Growing the memory detaches every view:
 * whoever calls into the core calls `refresh` afterwards, and no view is kept across calls.
 */
export class LinearMemory {
  readonly #memory: WebAssembly.Memory;
  #bytes: StringBuffer;
  #words: Uint32Array;
  #doubles: Float64Array;

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
    this.#bytes = Buffer.from(memory.buffer) as StringBuffer;
    this.#words = new Uint32Array(memory.buffer);
    this.#doubles = new Float64Array(memory.buffer);
  }

  /** Bytes of the memory. */
  get size(): number {
    return this.#bytes.length;
  }

  /** Renews the views if the memory has grown. A detached view is empty, which is cheap to check. */
  refresh(): void {
    if (this.#bytes.length === 0) this.#renew();
  }

  /** Writes text as UTF-8; it must fit. Returns the length in bytes. */
  writeText(text: string, at: number): number {
    const length = text.length;
    const bytes = this.#bytes;
    if (length > shortText) return this.#encode(text, at);
    let seen = 0;
    for (let index = 0; index < length; index++) {
      const unit = text.charCodeAt(index);
      bytes[at + index] = unit;
      seen |= unit;
    }
    return seen < 0x80 ? length : this.#encode(text, at);
  }

  readText(at: number, length: number): string {
    return this.#bytes.utf8Slice(at, at + length);
  }

  readUtf16(at: number, length: number): string {
    return this.#bytes.toString('utf16le', at, at + length);
  }

  /** Writes bytes; they must fit. */
  writeBytes(bytes: Uint8Array, at: number): void {
    this.#bytes.set(bytes, at);
  }

  /** Writes a u32 to an address that is a multiple of 4. */
  writeWord(word: number, at: number): void {
    this.#words[at / 4] = word;
  }

  /** A copy in a buffer of its own. */
  copy(at: number, length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#bytes.buffer, at, length).slice();
  }

  /** The u32 at an address that is a multiple of 4. */
  word(at: number): number {
    return this.#words[at / 4] ?? 0;
  }

  /** The f64 at an address that is a multiple of 8. */
  double(at: number): number {
    return this.#doubles[at / 8] ?? 0;
  }

  #encode(text: string, at: number): number {
    const bytes = this.#bytes;
    // Left to its default, the length is the rest of the memory, and from 2 GiB on the encoder writes nothing then. One
    // that ends behind the memory is cut by Node 22 and older, and from Node 24 on it throws.
    return bytes.utf8Write(text, at, Math.min(text.length * 3, bytes.length - at));
  }

  #renew(): void {
    const { buffer } = this.#memory;
    this.#bytes = Buffer.from(buffer) as StringBuffer;
    this.#words = new Uint32Array(buffer);
    this.#doubles = new Float64Array(buffer);
  }
}
