/** Which frames are compressed for the clients that have negotiated compression. */
export class Compression {
  readonly #minBytes: number;
  readonly #maxTotalBytes: number;

  /**
   * @param minBytes Smaller frames are sent uncompressed: they gain too little.
   * @param maxTotalBytes Bound of frame size times receivers. uWS compresses a frame once per receiver and blocks the
   *   event loop meanwhile, so frames beyond the bound are sent uncompressed.
   */
  constructor(minBytes: number, maxTotalBytes: number) {
    this.#minBytes = minBytes;
    this.#maxTotalBytes = maxTotalBytes;
  }

  isFor(frame: Uint8Array, receivers: number): boolean {
    return frame.length >= this.#minBytes && frame.length * receivers <= this.#maxTotalBytes;
  }
}

/** Compresses nothing. */
export const noCompression = new Compression(Infinity, 0);
