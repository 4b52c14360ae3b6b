/**
 * The answer format: what a shard posts to the acceptor, in the order in which it happens. One buffer of finished frames
 * with what is to be done with each, and at its end how many inputs the shard is done with: it can be given as many more.
 * Little-endian.
 *
 *   answer  = entry* · u8 tasks · u8 awareness tasks
 *   publish = u8 1 · u16 variant · u8 type · f64 received at · f64 except · u16 length · documentId · u32 length · frame
 *   echo    = u8 8 · u16 variant · u8 type · f64 session · u16 length · documentId · u32 length · frame
 *   reply   = u8 2 · u8 flags · u8 type · f64 received at · f64 session · u32 length · frame
 *   read    = u8 9 · u8 flags · u8 type · f64 number of the read · f64 session · u32 length · frame
 *   settled = u8 3 · f64 task
 *   group   = u8 5 · f64 task · u32 place of a settled group in the task
 *   status  = u8 4 · u8 storage (0 fails, 1 works, 2 is lost) · u8 bus ok · u32 documents · f64 bytes · f64 pending bytes
 *   awareness = u8 6 · u16 length · documentId · u32 length · message of another process
 *   active  = u8 7 · u16 length · documentId
 *   relayed = u8 11 · f64 task · u32 place of a group in the task · u32 records of the group
 *   changed = u8 10 · u16 length · documentId
 *   created = u8 12 · f64 session
 *   ended   = u8 13 · u16 length · documentId
 */
import { ByteWriter } from '../protocol/byte-writer.js';
import { typeCodes, type MessageType } from '../protocol/codes.js';
import type { Encoding } from '../protocol/encode.js';

/** How a shard is. */
export interface ShardStatus {
  readonly storageHealthy: boolean;
  /** Set when the storage will never work again in this process. */
  readonly storageLost?: true;
  /** True without a bus. */
  readonly busConnected: boolean;
  /** Documents in memory. */
  readonly documents: number;
  /** Bytes of memory that the documents take. */
  readonly bytes: number;
  /** Bytes of changes that are not durable yet. */
  readonly pendingBytes: number;
}

/** The first byte of each entry. */
export const entries = {
  publish: 1,
  reply: 2,
  settled: 3,
  status: 4,
  settledGroup: 5,
  awareness: 6,
  awarenessActive: 7,
  echo: 8,
  read: 9,
  changed: 10,
  relayed: 11,
  created: 12,
  ended: 13,
} as const;

export const FLAG_JSON = 1;
export const FLAG_LAST = 2;
/** Bytes of an answer behind its entries. */
export const TRAILER_BYTES = 2;

/**
 * Collects an answer. A frame is appended to `frames` between a `begin…`, which returns a number, and `end` with that
 * number.
 */
export class AnswerWriter {
  readonly frames = new ByteWriter();
  #tasks = 0;
  #awarenessTasks = 0;

  /** Whether nothing was written since the last answer. */
  get empty(): boolean {
    return this.frames.length === 0 && this.#tasks === 0 && this.#awarenessTasks === 0;
  }

  /** The shard has worked through a task of task.ts: all of it is answered or waits for the storage. At most 255. */
  taskDone(): void {
    this.#tasks++;
  }

  /** The shard has worked through a task of awareness-task.ts. At most 255. */
  awarenessTaskDone(): void {
    this.#awarenessTasks++;
  }

  /**
   * A frame for the subscribers of a document.
   *
   * @param variant One of `variants`.
   * @param receivedAt Of the oldest write in the frame, in ms of the acceptor's monotonic clock; 0 when no write of a
   * client of this node is in it.
   * @param except Number of the session that does not get it, or 0.
   */
  beginPublish(variant: number, documentId: string, type: MessageType, receivedAt: number, except: number): number {
    this.frames.u8(entries.publish);
    this.frames.u16(variant);
    this.frames.u8(typeCodes[type]);
    this.frames.f64(receivedAt);
    this.frames.f64(except);
    this.frames.shortAscii(documentId);
    return this.frames.hole32();
  }

  /**
   * A frame for one subscriber of a document, who does not show what he wrote.
   *
   * @param variant One of `variants`.
   * @param session The subscriber's number.
   */
  beginEcho(variant: number, documentId: string, type: MessageType, session: number): number {
    this.frames.u8(entries.echo);
    this.frames.u16(variant);
    this.frames.u8(typeCodes[type]);
    this.frames.f64(session);
    this.frames.shortAscii(documentId);
    return this.frames.hole32();
  }

  /**
   * A frame for one session, in answer to a write.
   *
   * @param receivedAt Of the write that an ack is for, in ms of the acceptor's monotonic clock; 0 in other frames.
   */
  beginReply(session: number, encoding: Encoding, type: MessageType, receivedAt: number): number {
    return this.#beginDirect(entries.reply, encoding === 'json' ? FLAG_JSON : 0, type, receivedAt, session);
  }

  /**
   * A frame of the answer to a read; the acceptor paces these, as a client may ask for more than it can take. All
   * frames of one read are in one answer, right after each other.
   *
   * @param read The number of the read, as its record has it.
   * @param isLast Whether the answer to the read ends with it.
   */
  beginRead(session: number, encoding: Encoding, type: MessageType, read: number, isLast: boolean): number {
    const flags = (encoding === 'json' ? FLAG_JSON : 0) | (isLast ? FLAG_LAST : 0);
    return this.#beginDirect(entries.read, flags, type, read, session);
  }

  /** Ends a frame. @param begun What the `begin…` of it returned. */
  end(begun: number): void {
    this.frames.fill32(begun, this.frames.length - begun - 4);
  }

  /** All records of a task are answered, and durable if they are writes. */
  settled(task: number): void {
    this.frames.u8(entries.settled);
    this.frames.f64(task);
  }

  /** The records of one document in a task are, others are not. @param group Its place in the task, from 0. */
  settledGroup(task: number, group: number): void {
    this.frames.u8(entries.settledGroup);
    this.frames.f64(task);
    this.frames.u32(group);
  }

  /** What the first records of a group relay is sent: it must not be sent again. @param group Its place in the task. */
  relayed(task: number, group: number, records: number): void {
    this.frames.u8(entries.relayed);
    this.frames.f64(task);
    this.frames.u32(group);
    this.frames.u32(records);
  }

  status(status: ShardStatus): void {
    this.frames.u8(entries.status);
    this.frames.u8(status.storageLost === true ? 2 : status.storageHealthy ? 1 : 0);
    this.frames.u8(status.busConnected ? 1 : 0);
    this.frames.u32(status.documents);
    this.frames.f64(status.bytes);
    this.frames.f64(status.pendingBytes);
  }

  /** A message of another process about the awareness of a document, in the format of the bus, which has checked it. */
  awareness(documentId: string, message: Uint8Array): void {
    this.frames.u8(entries.awareness);
    this.frames.shortAscii(documentId);
    this.frames.u32(message.length);
    this.frames.bytes(message);
  }

  /** The bus follows the awareness of a document from now on, or again: other nodes must be sent what is shown here. */
  awarenessActive(documentId: string): void {
    this.frames.u8(entries.awarenessActive);
    this.frames.shortAscii(documentId);
  }

  /** The entries so far, without what is behind them in an answer, in a buffer of their own. */
  takeEntries(): Uint8Array<ArrayBuffer> {
    return this.frames.finish();
  }

  /** Appends entries that were taken from a writer. */
  append(entries: Uint8Array): void {
    this.frames.bytes(entries);
  }

  /** A document has changed by a write that nobody but its writer would be sent, and he shows it. */
  changed(documentId: string): void {
    this.frames.u8(entries.changed);
    this.frames.shortAscii(documentId);
  }

  /** A document is deleted or erased: whoever is subscribed to it is told, and is not subscribed any more. */
  ended(documentId: string): void {
    this.frames.u8(entries.ended);
    this.frames.shortAscii(documentId);
  }

  /** A write of a session has created a document. */
  created(session: number): void {
    this.frames.u8(entries.created);
    this.frames.f64(session);
  }

  /** The answer, in a buffer of its own, and begins the next. */
  finish(): Uint8Array<ArrayBuffer> {
    this.frames.u8(this.#tasks);
    this.frames.u8(this.#awarenessTasks);
    this.#tasks = 0;
    this.#awarenessTasks = 0;
    return this.frames.finish();
  }

  #beginDirect(kind: number, flags: number, type: MessageType, number: number, session: number): number {
    this.frames.u8(kind);
    this.frames.u8(flags);
    this.frames.u8(typeCodes[type]);
    this.frames.f64(number);
    this.frames.f64(session);
    return this.frames.hole32();
  }
}

/** How many tasks the shard has worked through since its last answer. */
export function tasksDone(answer: Uint8Array<ArrayBuffer>): number {
  return answer[answer.length - TRAILER_BYTES] ?? 0;
}

/** How many awareness tasks the shard has worked through since its last answer. */
export function awarenessTasksDone(answer: Uint8Array<ArrayBuffer>): number {
  return answer[answer.length - 1] ?? 0;
}
