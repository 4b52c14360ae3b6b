/** Which frames are compressed, for the clients that negotiated it. */
export class Compression {
  readonly #from: number;
  readonly #most: number;

  /**
   * @param from Smaller frames gain too little. Bytes.
   * @param most uWS compresses a frame for each receiver anew, and everybody waits until it has: frames of more bytes,
   *   times their receivers, go out as they are.
   */
  constructor(from: number, most: number) {
    this.#from = from;
    this.#most = most;
  }

  isFor(frame: Uint8Array, receivers: number): boolean {
    return frame.length >= this.#from && frame.length * receivers <= this.#most;
  }
}

export const noCompression = new Compression(Infinity, 0);
