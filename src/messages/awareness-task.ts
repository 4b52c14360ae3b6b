/**
 * What the acceptor tells a shard about awareness. It is kept by nobody and answered by nothing, so it is no task: what
 * is lost with a worker is said again to the next.
 *
 *   awareness = entry*
 *   entry    = u8 kind · u16 length · documentId · u32 length · message
 */
import { ByteWriter } from '../protocol/byte-writer.js';

/** What a shard is to do; only `say` has a message. */
export const awarenessKinds = {
  /** Listens to what other processes say of the document, and asks them. */
  follow: 1,
  /** Ends that. */
  unfollow: 2,
  /** Tells the other processes, in the format of the bus. */
  say: 3,
} as const;

export type AwarenessKind = (typeof awarenessKinds)[keyof typeof awarenessKinds];

export interface AwarenessEntry {
  readonly kind: AwarenessKind;
  readonly documentId: string;
  readonly message: Uint8Array;
}

export class AwarenessTaskWriter {
  readonly #writer = new ByteWriter();

  get length(): number {
    return this.#writer.length;
  }

  add({ kind, documentId, message }: AwarenessEntry): void {
    this.#writer.u8(kind);
    this.#writer.shortAscii(documentId);
    this.#writer.u32(message.length);
    this.#writer.bytes(message);
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.#writer.finish();
  }
}

/** The entries in their order; the messages are views. */
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
