/**
 * The task format: what the acceptor gives a shard. One buffer holds the records of many documents, those of one
 * document together, so that a task costs one copy between the threads whatever it holds. Little-endian.
 *
 *   task     = group*
 *   group    = u16 variants, and 32768 when only the writer is subscribed · u16 length · documentId · u32 count · record*
 *   record   = u32 length of the rest · (write | read | interest)
 *   write    = u8 kind · u8 flags · f64 session · f64 timestamp · f64 received at · payload
 *              and with a user: … · f64 received at · u32 length · user id · payload
 *   read     = u8 kind · u8 flags · f64 session · f64 number of the read · payload
 *   interest = u8 kind · u8 flags
 */
import { ByteWriter } from '../protocol/byte-writer.js';
import type { Encoding } from '../protocol/encode.js';

export type { StateVectorRequest, SubscribeRequest } from './read-requests.js';

/**
 * The ways in which the subscribers of a document want what is published, as bits. Each subscriber is in two: one for
 * changes of fields, which depends on what its client understands, and one for what all clients of its encoding get.
 * Those who write without having asked for the document are partial subscribers: they may lack what was written before,
 * and the clocks that they get must not say otherwise.
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
  /** Binary, texts and relayed operations. */
  binaryAny: 16,
  /** JSON, texts and relayed operations. */
  jsonAny: 32,
  /** The first four for partial subscribers. */
  partialBinaryDelta: 64,
  partialBinaryBatch: 128,
  partialJsonDelta: 256,
  partialJsonBatch: 512,
  /** JSON, `delta_batch`, whose ids say from where on its reader can resume: for server-sent events. */
  jsonEvents: 1024,
} as const;

/** All of them. */
export const allVariants: number = Object.values(variants).reduce((all, bit) => all | bit, 0);

/** What a record asks for. */
export const recordKinds = {
  delta: 1,
  deltaBatch: 2,
  subscribe: 3,
  stateVector: 4,
  interest: 5,
  /** A write by HTTP; the payload is as document-request.ts has it. */
  httpWrite: 6,
  /** A read by HTTP; the same. */
  httpRead: 7,
} as const;

/** The connection a record came from, as far as a shard needs it. */
export interface Origin {
  /** Number of the session; never used twice by a process. */
  readonly session: number;
  readonly encoding: Encoding;
  /** Whether the client understands `delta_batch`. */
  readonly supportsBatch: boolean;
}

/** A client's `delta` or `delta_batch`, or a write by HTTP. */
export interface WriteRecord {
  readonly kind: typeof recordKinds.delta | typeof recordKinds.deltaBatch | typeof recordKinds.httpWrite;
  readonly origin: Origin;
  /** Whether the payload is a JSON message as a whole, or the payload of a binary frame. */
  readonly form: 'json' | 'binary';
  /** The binary header's time in ms since the epoch; NaN for JSON messages. */
  readonly timestamp: number;
  /** When the acceptor got it, in ms of its monotonic clock; the frames that come of it bear the same. */
  readonly receivedAt: number;
  /** The client's own JSON, for a write by HTTP behind its head. */
  readonly payload: Buffer;
  /** Whether a former worker has sent what it relays. */
  readonly isRelayed?: true;
  /** Set when its user has created as many documents as he may: it is refused where there is no document yet. */
  readonly mayNotCreate?: true;
  /** Who writes, where the history of the document is kept and he is known. */
  readonly userId?: string | undefined;
}

/** A request for the state of a document. */
export interface ReadRecord {
  readonly kind: typeof recordKinds.subscribe | typeof recordKinds.stateVector | typeof recordKinds.httpRead;
  readonly origin: Origin;
  /** Number of the read within its session, from 1; the frames of its answer bear the same. */
  readonly read: number;
  /** JSON of a `SubscribeRequest`, a `StateVectorRequest` or a `DocumentRead`. */
  readonly payload: Buffer;
}

/**
 * The subscribers of a document have changed: the variants of its group tell which it has now, so that a node of a
 * cluster knows what to follow.
 */
export interface InterestRecord {
  readonly kind: typeof recordKinds.interest;
  /** Whether there were subscribers before the worker, so that nobody knows what they have been sent. */
  readonly isOld: boolean;
}

export type TaskRecord = WriteRecord | ReadRecord | InterestRecord;

export function isWrite(record: TaskRecord): record is WriteRecord {
  const { delta, deltaBatch, httpWrite } = recordKinds;
  return record.kind === delta || record.kind === deltaBatch || record.kind === httpWrite;
}

export function isRead(record: TaskRecord): record is ReadRecord {
  return isReadKind(record.kind);
}

function isReadKind(kind: TaskRecord['kind']): kind is ReadRecord['kind'] {
  return kind === recordKinds.subscribe || kind === recordKinds.stateVector || kind === recordKinds.httpRead;
}

const HEAD_BYTES = 6;
const WRITE_HEAD_BYTES = HEAD_BYTES + 24;
const READ_HEAD_BYTES = HEAD_BYTES + 16;

/** Bytes that a record takes in a task. */
export function recordSize(record: TaskRecord): number {
  if (isWrite(record)) return WRITE_HEAD_BYTES + userSize(record) + record.payload.length;
  return record.kind === recordKinds.interest ? HEAD_BYTES : READ_HEAD_BYTES + record.payload.length;
}

function userSize({ userId }: WriteRecord): number {
  return userId === undefined ? 0 : 4 + Buffer.byteLength(userId);
}

/** Beside the variants of a group. */
const FLAG_WRITER_ONLY = 32_768;
const FLAG_JSON_ENCODING = 1;
const FLAG_SUPPORTS_BATCH = 2;
const FLAG_JSON_FORM = 4;
const FLAG_OLD = 8;
const FLAG_RELAYED = 16;
const FLAG_MAY_NOT_CREATE = 32;
const FLAG_USER = 64;

/** What is asked of one document. */
export interface TaskGroup {
  readonly documentId: string;
  /** Bits of `variants` that have subscribers. */
  readonly variants: number;
  /** Whether all writes are from one session, and that is the only subscriber. */
  readonly writerOnly: boolean;
  readonly records: readonly TaskRecord[];
}

/** Collects the groups of one task. */
export class TaskWriter {
  readonly #writer = new ByteWriter();

  /** Bytes so far. */
  get length(): number {
    return this.#writer.length;
  }

  group({ documentId, variants, writerOnly, records }: TaskGroup): void {
    const writer = this.#writer;
    writer.u16(variants | (writerOnly ? FLAG_WRITER_ONLY : 0));
    writer.shortAscii(documentId);
    writer.u32(records.length);
    for (const record of records) writeRecord(writer, record);
  }

  /** The task, in a buffer of its own, and begins the next. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#writer.finish();
  }
}

/** Reads what `TaskWriter` has written, in the same order; the payloads are views into it. */
export function* readTask(task: Uint8Array<ArrayBuffer>): Generator<TaskGroup> {
  const bytes = Buffer.from(task.buffer, task.byteOffset, task.byteLength);
  let at = 0;
  while (at < bytes.length) {
    const wanted = bytes.readUInt16LE(at);
    const idLength = bytes.readUInt16LE(at + 2);
    const documentId = bytes.toString('latin1', at + 4, at + 4 + idLength);
    at += 4 + idLength;
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

/**
 * What of a task is given to another worker. Groups are given by their places in it.
 *
 * @param settled Groups to leave out.
 * @param relayed Groups, and how many of their first records are marked as relayed.
 */
export function remainderOf(
  task: Uint8Array<ArrayBuffer>,
  settled: ReadonlySet<number>,
  relayed: ReadonlyMap<number, number>,
): Uint8Array<ArrayBuffer> {
  const writer = new TaskWriter();
  let place = 0;
  for (const group of readTask(task)) {
    const count = relayed.get(place) ?? 0;
    if (!settled.has(place++)) writer.group({ ...group, records: markRelayed(group.records, count) });
  }
  return writer.finish();
}

function markRelayed(records: readonly TaskRecord[], count: number): readonly TaskRecord[] {
  if (count === 0) return records;
  return records.map((record, i) => (i < count && isWrite(record) ? { ...record, isRelayed: true } : record));
}

function writeRecord(writer: ByteWriter, record: TaskRecord): void {
  writer.u32(recordSize(record) - 4);
  writer.u8(record.kind);
  if (isWrite(record)) {
    const form = record.form === 'json' ? FLAG_JSON_FORM : 0;
    const relayed = record.isRelayed === true ? FLAG_RELAYED : 0;
    const user = record.userId === undefined ? 0 : FLAG_USER;
    writer.u8(
      flagsOf(record.origin) | form | relayed | user | (record.mayNotCreate === true ? FLAG_MAY_NOT_CREATE : 0),
    );
    writer.f64(record.origin.session);
    writer.f64(record.timestamp);
    writer.f64(record.receivedAt);
    if (record.userId !== undefined) {
      const bytes = Buffer.from(record.userId);
      writer.u32(bytes.length);
      writer.bytes(bytes);
    }
    writer.bytes(record.payload);
  } else if (record.kind === recordKinds.interest) {
    writer.u8(record.isOld ? FLAG_OLD : 0);
  } else {
    writer.u8(flagsOf(record.origin));
    writer.f64(record.origin.session);
    writer.f64(record.read);
    writer.bytes(record.payload);
  }
}

function flagsOf({ encoding, supportsBatch }: Origin): number {
  return (encoding === 'json' ? FLAG_JSON_ENCODING : 0) | (supportsBatch ? FLAG_SUPPORTS_BATCH : 0);
}

function readRecord(bytes: Buffer, at: number, end: number): TaskRecord {
  const kind = bytes.readUInt8(at) as TaskRecord['kind'];
  const flags = bytes.readUInt8(at + 1);
  if (kind === recordKinds.interest) return { kind, isOld: (flags & FLAG_OLD) !== 0 };
  const origin: Origin = {
    session: bytes.readDoubleLE(at + 2),
    encoding: (flags & FLAG_JSON_ENCODING) === 0 ? 'binary' : 'json',
    supportsBatch: (flags & FLAG_SUPPORTS_BATCH) !== 0,
  };
  if (isReadKind(kind)) {
    return { kind, origin, read: bytes.readDoubleLE(at + 10), payload: bytes.subarray(at + 18, end) };
  }
  const write: WriteRecord = {
    kind,
    origin,
    form: (flags & FLAG_JSON_FORM) === 0 ? 'binary' : 'json',
    timestamp: bytes.readDoubleLE(at + 10),
    receivedAt: bytes.readDoubleLE(at + 18),
    payload: bytes.subarray(at + 26, end),
  };
  if ((flags & (FLAG_RELAYED | FLAG_MAY_NOT_CREATE | FLAG_USER)) === 0) return write;
  const user = (flags & FLAG_USER) === 0 ? undefined : readUser(bytes, at + 26, end);
  return {
    ...write,
    ...user,
    ...((flags & FLAG_RELAYED) === 0 ? {} : { isRelayed: true }),
    ...((flags & FLAG_MAY_NOT_CREATE) === 0 ? {} : { mayNotCreate: true }),
  };
}

function readUser(bytes: Buffer, at: number, end: number): Pick<WriteRecord, 'userId' | 'payload'> {
  const start = at + 4 + bytes.readUInt32LE(at);
  return { userId: bytes.toString('utf8', at + 4, start), payload: bytes.subarray(start, end) };
}
