/** Messages that wait until something about their session is known: who it is, or what it may do with a document. */

export interface HeldFrame {
  readonly bytes: Buffer;
  /** Whether it came as a text frame. */
  readonly text: boolean;
  /** Whether it has been counted as a message of the session. */
  readonly isCounted: boolean;
}

/** Frames of one session, and their bytes; one larger frame is held when it is alone. */
const MAX_FRAMES = 1_000;
const MAX_BYTES = 1024 * 1024;
/** Bytes that a held frame takes besides its content. */
const FRAME_COST = 256;

/** What all sessions of a node hold together. */
export class HeldBytes {
  #bytes = 0;

  constructor(readonly max: number) {}

  get bytes(): number {
    return this.#bytes;
  }

  /** @returns False, without taking anything, over the limit. */
  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.max) return false;
    this.#bytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/** The frames that one session holds, in the order in which they came. */
export class HeldFrames {
  /** Whether what was waited for is known, and the frames are being handled. */
  isReleased = false;
  readonly #frames: HeldFrame[] = [];
  readonly #total: HeldBytes;
  #bytes = 0;

  constructor(total: HeldBytes) {
    this.#total = total;
  }

  /**
   * Copies a frame.
   *
   * @param maxBytes What may be held before it is known who the session is, each frame with what it costs besides.
   * @returns False when it can't be held.
   */
  add(bytes: Buffer, text: boolean, maxBytes?: number): boolean {
    const cost = this.#bytes + bytes.length + (this.#frames.length + 1) * FRAME_COST;
    if (maxBytes !== undefined && cost > maxBytes) return false;
    const isTooMuch = this.#frames.length > 0 && this.#bytes + bytes.length > MAX_BYTES;
    if (this.#frames.length >= MAX_FRAMES || isTooMuch) return false;
    return this.#take({ bytes: Buffer.from(bytes), text, isCounted: false }, 'push');
  }

  /** Copies the frame that was being handled, before all others. @returns False when it can't be held. */
  putBack(bytes: Buffer, text: boolean): boolean {
    return this.#take({ bytes: Buffer.from(bytes), text, isCounted: true }, 'unshift');
  }

  /** The next frame, which is no longer held. */
  next(): HeldFrame | undefined {
    const frame = this.#frames.shift();
    if (frame !== undefined) this.#give(frame.bytes.length);
    return frame;
  }

  /** The session has closed. */
  clear(): void {
    this.#frames.length = 0;
    this.#give(this.#bytes);
  }

  #take(frame: HeldFrame, end: 'push' | 'unshift'): boolean {
    if (!this.#total.take(frame.bytes.length)) return false;
    this.#frames[end](frame);
    this.#bytes += frame.bytes.length;
    return true;
  }

  #give(bytes: number): void {
    this.#bytes -= bytes;
    this.#total.give(bytes);
  }
}
