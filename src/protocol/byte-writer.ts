/** Appends to one growing buffer, so that a batch of records or frames is one allocation. Little-endian. */
export class ByteWriter {
  #buffer: Buffer<ArrayBuffer>;
  #length = 0;
  readonly #initial: number;

  /** @param initial Bytes to begin with, and to fall back to after a large batch. */
  constructor(initial = 16_384) {
    this.#initial = initial;
    this.#buffer = Buffer.allocUnsafeSlow(initial);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
  }

  u16(value: number): void {
    this.#reserve(2);
    this.#length = this.#buffer.writeUInt16LE(value, this.#length);
  }

  u32(value: number): void {
    this.#reserve(4);
    this.#length = this.#buffer.writeUInt32LE(value, this.#length);
  }

  f64(value: number): void {
    this.#reserve(8);
    this.#length = this.#buffer.writeDoubleLE(value, this.#length);
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
  }

  /** Appends UTF-8. */
  text(value: string): void {
    this.#reserve(value.length * 3);
    this.#length += this.#buffer.write(value, this.#length);
  }

  /** Appends a string that is known to be ASCII and at most 65 535 characters, behind its length as u16. */
  shortAscii(value: string): void {
    this.u16(value.length);
    this.#reserve(value.length);
    this.#length += this.#buffer.write(value, this.#length, 'latin1');
  }

  /** Big-endian, for the wire: a whole number of milliseconds as int64. */
  int64BE(value: number): void {
    this.#reserve(8);
    const high = Math.floor(value / 0x1_0000_0000);
    this.#buffer.writeInt32BE(high, this.#length);
    this.#length = this.#buffer.writeUInt32BE(value - high * 0x1_0000_0000, this.#length + 4);
  }

  /** Leaves room for a u32 that is known later; returns its place. */
  hole32(): number {
    this.#reserve(4);
    const at = this.#length;
    this.#length += 4;
    return at;
  }

  fill32(at: number, value: number): void {
    this.#buffer.writeUInt32LE(value, at);
  }

  fill32BE(at: number, value: number): void {
    this.#buffer.writeUInt32BE(value, at);
  }

  /** What was written so far; valid until the next write. */
  view(): Buffer<ArrayBuffer> {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Everything written, in a buffer of its own that is at most a seventh larger; the writer begins anew. */
  finish(): Uint8Array<ArrayBuffer> {
    const written = this.view();
    this.#length = 0;
    if (this.#buffer.length > this.#initial * 16) {
      const { length } = this.#buffer;
      this.#buffer = Buffer.allocUnsafeSlow(this.#initial);
      // Given away: each copy of a large message brings the next collection of all garbage nearer.
      if (written.length * 8 >= length * 7) return written;
    }
    const exact = new Uint8Array(written.length);
    exact.set(written);
    return exact;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#buffer.length) return;
    // What follows a large piece is mostly small: without room for it, the buffer would soon be twice the piece.
    const grown = Buffer.allocUnsafeSlow(Math.max(needed + this.#initial, this.#buffer.length * 2));
    grown.set(this.view());
    this.#buffer = grown;
  }
}
