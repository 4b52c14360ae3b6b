import { constants, inflateRawSync } from 'node:zlib';

/** What ends a compressed message and is not sent (RFC 7692). */
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);

/**
 * Inflates messages that are compressed each by itself. A message to many subscribers comes in the same bytes to all of
 * them, and is inflated once: a hundred clients of one process must not be the bottleneck.
 */
export class Inflater {
  #compressed = Buffer.alloc(0);
  #inflated = Buffer.alloc(0);

  inflate(compressed: Buffer): Buffer {
    if (!this.#compressed.equals(compressed)) {
      // The stream goes on for ever: there is no end that could be waited for.
      this.#inflated = inflateRawSync(Buffer.concat([compressed, TAIL]), { finishFlush: constants.Z_SYNC_FLUSH });
      this.#compressed = Buffer.from(compressed);
    }
    return this.#inflated;
  }
}
