/**
 * What the acceptor gives a shard about awareness. It is not retained: what is lost with a worker is sent again to the
 * next. Little-endian.
 *
 *   awareness = entry*
 *   entry    = u8 kind · u16 length · documentId · u32 length · message
 */
import { ByteWriter } from '../protocol/byte-writer.js';

/** What a shard is to do; only `publish` has a message. */
export const awarenessKinds = {
  /** Subscribes to the awareness of the document, and asks the other processes for theirs. */
  follow: 1,
  /** Ends that. */
  unfollow: 2,
  /** Publishes to the other processes. */
  publish: 3,
} as const;

export type AwarenessKind = (typeof awarenessKinds)[keyof typeof awarenessKinds];

export interface AwarenessEntry {
  readonly kind: AwarenessKind;
  readonly documentId: string;
  /** In the format of the bus (cluster/awareness-message.ts); empty unless it is published. */
  readonly message: Uint8Array;
}

/** Collects the entries of one awareness task. */
export class AwarenessTaskWriter {
  readonly #writer = new ByteWriter();

  /** Bytes so far. */
  get length(): number {
    return this.#writer.length;
  }

  add({ kind, documentId, message }: AwarenessEntry): void {
    this.#writer.u8(kind);
    this.#writer.shortAscii(documentId);
    this.#writer.u32(message.length);
    this.#writer.bytes(message);
  }

  /** The task, in a buffer of its own, and begins the next. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#writer.finish();
  }
}

/** Reads what `AwarenessTaskWriter` has written, in the same order; the messages are views into it. */
export function* readAwarenessTask(task: Uint8Array<ArrayBuffer>): Generator<AwarenessEntry> {
  const bytes = Buffer.from(task.buffer, task.byteOffset, task.byteLength);
  let at = 0;
  while (at < bytes.length) {
    const messageAt = at + 3 + bytes.readUInt16LE(at + 1) + 4;
    const end = messageAt + bytes.readUInt32LE(messageAt - 4);
    yield {
      kind: bytes.readUInt8(at) as AwarenessKind,
      documentId: bytes.toString('latin1', at + 3, messageAt - 4),
      message: bytes.subarray(messageAt, end),
    };
    at = end;
  }
}
