/** What a `FrameReader` finds. */
export interface FrameSink {
  /** A frame whose payload is `bytes` from `start` to `end`, for the time of the call. */
  frame(opcode: number, bytes: Buffer, start: number, end: number): void;
  /** The same for a compressed frame. */
  compressedFrame(bytes: Buffer, start: number, end: number): void;
  /** The end of a frame too long to be kept. @param first First byte of its payload. @param length Of its payload. */
  longFrame(first: number, length: number): void;
}

/** Payloads beyond it are counted, not kept. Bytes. */
const LONGEST_KEPT = 512 * 1024;
/** The bit of a frame's first byte that permessage-deflate uses. */
const COMPRESSED = 0x40;

/**
 * Walks the WebSocket frames that a server sends (unmasked, never fragmented) in chunks as they come off the socket.
 * The chunk's memory is the caller's again after `read`; only what is left of a frame at its end is copied.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  #rest: Buffer | undefined;
  /** Bytes of a long frame that are still to come. */
  #skip = 0;
  #long = { first: 0, length: 0 };

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  read(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#skip > 0) {
      const skipped = Math.min(this.#skip, bytes.length);
      this.#skip -= skipped;
      if (this.#skip > 0) return;
      this.#sink.longFrame(this.#long.first, this.#long.length);
      bytes = bytes.subarray(skipped);
    }
    if (this.#rest !== undefined) {
      bytes = Buffer.concat([this.#rest, bytes]);
      this.#rest = undefined;
    }
    const kept = this.#walk(bytes);
    if (kept < bytes.length) this.#rest = Buffer.from(bytes.subarray(kept));
  }

  /** Hands out all whole frames; returns where the rest begins. */
  #walk(bytes: Buffer): number {
    const available = bytes.length;
    let at = 0;
    while (available - at >= 2) {
      const size = (bytes[at + 1] ?? 0) & 0x7f;
      const start = at + (size < 126 ? 2 : size === 126 ? 4 : 10);
      if (start > available) return at;
      const length =
        size < 126 ? size : size === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
      const end = start + length;
      if (end > available) {
        if (length <= LONGEST_KEPT || start === available) return at;
        this.#long = { first: bytes[start] ?? 0, length };
        this.#skip = end - available;
        return available;
      }
      const first = bytes[at] ?? 0;
      if ((first & COMPRESSED) === 0) this.#sink.frame(first & 0x0f, bytes, start, end);
      else this.#sink.compressedFrame(bytes, start, end);
      at = end;
    }
    return at;
  }
}
