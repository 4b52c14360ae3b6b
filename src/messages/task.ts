/**
 * The task format: what the acceptor gives a shard. One buffer holds the records of many documents, those of one
 * document together, so that a task costs one copy between the threads whatever it holds.
 *
 *   task     = group*
 *   group    = u8 variants, and 128 when only the writer is subscribed · u16 length · documentId · u32 count · record*
 *   record   = u32 length of the rest · u8 kind · u8 flags · f64 session · f64 timestamp · f64 received · payload
 */
import { ByteWriter } from '../protocol/byte-writer.js';
import type { Encoding } from '../protocol/encode.js';

/**
 * The ways in which the subscribers of a document want what is published, as bits. Each subscriber is in two: one for
 * changes of fields, which depends on what its client understands, and one for what all clients of its encoding get.
 */
export const variants = {
  /** Binary, one `delta` per field. */
  binaryDelta: 1,
  /** Binary, `delta_batch`. */
  binaryBatch: 2,
  /** JSON, one `delta` per field. */
  jsonDelta: 4,
  /** JSON, `delta_batch`. */
  jsonBatch: 8,
  /** Binary, texts and what is only sent on. */
  binaryAny: 16,
  /** JSON, texts and what is only sent on. */
  jsonAny: 32,
} as const;

/**
 * What a record asks for; the payload of the first two is the client's own JSON. `interest` has
 * none, or any if the subscribers were there before the worker: the variants of its group tell which subscribers the
 * document has now, so that a node of a cluster knows what to listen to.
 */
export const recordKinds = { delta: 1, deltaBatch: 2, subscribe: 3, stateVector: 4, interest: 5 } as const;

export type RecordKind = (typeof recordKinds)[keyof typeof recordKinds];

/** The connection a record came from, as far as a shard needs it. */
export interface Origin {
  /** Number of the session; never used twice by a process. */
  readonly session: number;
  readonly encoding: Encoding;
  /** Whether the client understands `delta_batch`. */
  readonly supportsBatch: boolean;
}

export interface TaskRecord {
  readonly kind: RecordKind;
  readonly origin: Origin;
  /** Whether the payload is a JSON message as a whole, or the payload of a binary frame. */
  readonly form: 'json' | 'binary';
  /** The binary header's time in ms since the epoch; NaN for JSON messages. */
  readonly timestamp: number;
  /** When the acceptor got it, in ms of its monotonic clock, or of a read its number; answers to it bear the same. */
  readonly received: number;
  readonly payload: Buffer;
}

export function isWrite({ kind }: TaskRecord): boolean {
  return kind === recordKinds.delta || kind === recordKinds.deltaBatch;
}

/** Bytes of a record besides its payload. */
export const RECORD_OVERHEAD = 30;

/** Beside the variants of a group. */
const FLAG_WRITER_ONLY = 128;
const FLAG_JSON_ENCODING = 1;
const FLAG_SUPPORTS_BATCH = 2;
const FLAG_JSON_FORM = 4;

/** Collects the groups of one task. */
export class TaskWriter {
  readonly #writer = new ByteWriter();

  get length(): number {
    return this.#writer.length;
  }

  group({ documentId, variants, writerOnly, records }: TaskGroup): void {
    const writer = this.#writer;
    writer.u8(variants | (writerOnly ? FLAG_WRITER_ONLY : 0));
    writer.shortAscii(documentId);
    writer.u32(records.length);
    for (const record of records) {
      writer.u32(RECORD_OVERHEAD - 4 + record.payload.length);
      writer.u8(record.kind);
      writer.u8(
        (record.origin.encoding === 'json' ? FLAG_JSON_ENCODING : 0) |
          (record.origin.supportsBatch ? FLAG_SUPPORTS_BATCH : 0) |
          (record.form === 'json' ? FLAG_JSON_FORM : 0),
      );
      writer.f64(record.origin.session);
      writer.f64(record.timestamp);
      writer.f64(record.received);
      writer.bytes(record.payload);
    }
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.#writer.finish();
  }
}

/** What is asked of one document. */
export interface TaskGroup {
  readonly documentId: string;
  /** Bits of `variants` that have subscribers. */
  readonly variants: number;
  /** Whether all writes are from one session, and that is the only subscriber. */
  readonly writerOnly: boolean;
  readonly records: readonly TaskRecord[];
}

/** Reads a task; the payloads are views into it. */
export function* readTask(task: Uint8Array<ArrayBuffer>): Generator<TaskGroup> {
  const bytes = Buffer.from(task.buffer, task.byteOffset, task.byteLength);
  let at = 0;
  while (at < bytes.length) {
    const wanted = bytes.readUInt8(at);
    const idLength = bytes.readUInt16LE(at + 1);
    const documentId = bytes.toString('latin1', at + 3, at + 3 + idLength);
    at += 3 + idLength;
    const count = bytes.readUInt32LE(at);
    at += 4;
    const records: TaskRecord[] = [];
    for (let i = 0; i < count; i++) {
      const end = at + 4 + bytes.readUInt32LE(at);
      records.push(readRecord(bytes, at + 4, end));
      at = end;
    }
    const writerOnly = (wanted & FLAG_WRITER_ONLY) !== 0;
    yield { documentId, variants: wanted & ~FLAG_WRITER_ONLY, writerOnly, records };
  }
}

/** The task without some of its groups, which are given by their places in it. */
export function withoutGroups(task: Uint8Array<ArrayBuffer>, settled: ReadonlySet<number>): Uint8Array<ArrayBuffer> {
  const writer = new TaskWriter();
  let place = 0;
  for (const group of readTask(task)) if (!settled.has(place++)) writer.group(group);
  return writer.finish();
}

function readRecord(bytes: Buffer, at: number, end: number): TaskRecord {
  const flags = bytes.readUInt8(at + 1);
  return {
    kind: bytes.readUInt8(at) as RecordKind,
    origin: {
      session: bytes.readDoubleLE(at + 2),
      encoding: (flags & FLAG_JSON_ENCODING) === 0 ? 'binary' : 'json',
      supportsBatch: (flags & FLAG_SUPPORTS_BATCH) !== 0,
    },
    form: (flags & FLAG_JSON_FORM) === 0 ? 'binary' : 'json',
    timestamp: bytes.readDoubleLE(at + 10),
    received: bytes.readDoubleLE(at + 18),
    payload: bytes.subarray(at + 26, end),
  };
}

/** Payload of a `subscribe` record, made by the acceptor from the parsed message. */
export interface SubscribeRequest {
  readonly requestId: string;
  /** Present when the client asks for what it has not seen only. */
  readonly vector?: readonly (readonly [clientId: string, count: number])[] | undefined;
  /** The asking client's own id, where it is known. */
  readonly clientId?: string | undefined;
}

/** Payload of a `stateVector` record. */
export interface StateVectorRequest {
  readonly requestId: string;
  readonly vector: readonly (readonly [clientId: string, count: number])[];
}
