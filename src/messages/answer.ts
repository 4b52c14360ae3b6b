/**
 * The answer format: what a shard posts to the acceptor, in the order in which it happens. One buffer of finished frames
 * with what is to be done with each, and at its end how many inputs the shard is done with: it can be given as many more.
 *
 *   answer  = (publish | echo | direct | settled | group | status | awareness | active)* · u8 tasks · u8 awareness tasks
 *   publish = u8 1 · u8 variant · u8 type · f64 received · f64 except · u16 length · documentId · u32 length · frame
 *   echo    = u8 8 · u8 variant · u8 type · f64 session · u16 length · documentId · u32 length · frame
 *   direct  = u8 2 · u8 flags · u8 type · f64 received · f64 session · u32 length · frame
 *   settled = u8 3 · f64 task
 *   group   = u8 5 · f64 task · u32 place of a settled group in the task
 *   status  = u8 4 · u8 storage ok · u8 bus ok · u32 documents · f64 bytes · f64 pending bytes
 *   awareness = u8 6 · u16 length · documentId · u32 length · message of another process
 *   active  = u8 7 · u16 length · documentId
 */
import { ByteWriter } from '../protocol/byte-writer.js';
import { typeCodes, type MessageType } from '../protocol/codes.js';
import type { Encoding } from '../protocol/encode.js';

/** What a direct frame is: some are paced by the acceptor, because a client may ask for more than it can take. */
export type DirectKind = 'reply' | 'read' | 'lastOfRead';

/** How a shard is. */
export interface ShardStatus {
  readonly storageHealthy: boolean;
  /** True without a bus. */
  readonly busConnected: boolean;
  /** Documents in memory. */
  readonly documents: number;
  /** Bytes of memory that the documents take. */
  readonly bytes: number;
  /** Bytes of changes that are not durable yet. */
  readonly pendingBytes: number;
}

const PUBLISH = 1;
const DIRECT = 2;
const SETTLED = 3;
const STATUS = 4;
const GROUP = 5;
const AWARENESS = 6;
const ACTIVE = 7;
const ECHO = 8;

const FLAG_JSON = 1;
const FLAG_READ = 2;
const FLAG_LAST = 4;

/** Collects an answer; each entry's frame is appended to `frames` between `begin…` and `end`. */
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
   * @param variant One of `variants`.
   * @param cause Of the oldest write in the frame.
   * @param except Number of the session that does not get it, or 0.
   */
  beginPublish(variant: number, documentId: string, type: MessageType, cause: Cause, except: number): number {
    this.#entry(PUBLISH);
    this.frames.u8(variant);
    this.frames.u8(typeCodes[type]);
    this.frames.f64(cause);
    this.frames.f64(except);
    this.frames.shortAscii(documentId);
    return this.frames.hole32();
  }

  /** @param session Number of the document's only subscriber. */
  beginEcho(variant: number, documentId: string, type: MessageType, session: number): number {
    this.#entry(ECHO);
    this.frames.u8(variant);
    this.frames.u8(typeCodes[type]);
    this.frames.f64(session);
    this.frames.shortAscii(documentId);
    return this.frames.hole32();
  }

  /** @param cause Of what is answered. */
  beginDirect(session: number, encoding: Encoding, kind: DirectKind, type: MessageType, cause: Cause): number {
    this.#entry(DIRECT);
    this.frames.u8(
      (encoding === 'json' ? FLAG_JSON : 0) |
        (kind === 'reply' ? 0 : FLAG_READ) |
        (kind === 'lastOfRead' ? FLAG_LAST : 0),
    );
    this.frames.u8(typeCodes[type]);
    this.frames.f64(cause);
    this.frames.f64(session);
    return this.frames.hole32();
  }

  end(begun: number): void {
    this.frames.fill32(begun, this.frames.length - begun - 4);
  }

  settled(task: number): void {
    this.#entry(SETTLED);
    this.frames.f64(task);
  }

  /** @param group Place of a document's records in the task. */
  settledGroup(task: number, group: number): void {
    this.#entry(GROUP);
    this.frames.f64(task);
    this.frames.u32(group);
  }

  status(status: ShardStatus): void {
    this.#entry(STATUS);
    this.frames.u8(status.storageHealthy ? 1 : 0);
    this.frames.u8(status.busConnected ? 1 : 0);
    this.frames.u32(status.documents);
    this.frames.f64(status.bytes);
    this.frames.f64(status.pendingBytes);
  }

  /** What another process says of the awareness of a document, as the bus has read it. */
  awareness(documentId: string, message: Uint8Array): void {
    this.#entry(AWARENESS);
    this.frames.shortAscii(documentId);
    this.frames.u32(message.length);
    this.frames.bytes(message);
  }

  /** The awareness of a document is followed from now on, or again; the others have to be told what there is here. */
  awarenessActive(documentId: string): void {
    this.#entry(ACTIVE);
    this.frames.shortAscii(documentId);
  }

  /** The answer, in a buffer of its own, and begins the next. */
  finish(): Uint8Array<ArrayBuffer> {
    this.frames.u8(this.#tasks);
    this.frames.u8(this.#awarenessTasks);
    this.#tasks = 0;
    this.#awarenessTasks = 0;
    return this.frames.finish();
  }

  #entry(kind: number): void {
    this.frames.u8(kind);
  }
}

/** Bytes of an answer behind its entries. */
const TRAILER_BYTES = 2;

/** How many tasks the shard has worked through since its last answer. */
export function tasksDone(answer: Uint8Array<ArrayBuffer>): number {
  return answer[answer.length - TRAILER_BYTES] ?? 0;
}

/** How many awareness tasks the shard has worked through since its last answer. */
export function awarenessTasksDone(answer: Uint8Array<ArrayBuffer>): number {
  return answer[answer.length - 1] ?? 0;
}

/**
 * The `received` of a record, or 0 for what has no single one: when the acceptor got the write that a frame comes from,
 * or the number of the read that it answers.
 */
export type Cause = number;

export interface AnswerHandler {
  publish(
    documentId: string,
    variant: number,
    frame: Uint8Array,
    type: number,
    cause: Cause,
    /** A session that does not get it, or 0. */
    except: number,
  ): void;
  /** @param variant One of `variants`. */
  echo(documentId: string, variant: number, session: number, frame: Uint8Array, type: number): void;
  direct(session: number, encoding: Encoding, kind: DirectKind, frame: Uint8Array, type: number, cause: Cause): void;
  settled(task: number): void;
  /** One document's records in a task are settled, others are not. */
  settledGroup(task: number, group: number): void;
  status(status: ShardStatus): void;
  /** @param message Of another process, in the format of the bus; a view into the answer. */
  awareness(documentId: string, message: Uint8Array): void;
  awarenessActive(documentId: string): void;
}

/** Walks an answer; frames are views into it, types are the codes of the protocol. */
export function readAnswer(answer: Uint8Array<ArrayBuffer>, handler: AnswerHandler): void {
  const bytes = Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength);
  const entriesEnd = bytes.length - TRAILER_BYTES;
  let at = 0;
  while (at < entriesEnd) {
    switch (bytes[at]) {
      case PUBLISH: {
        const frameAt = at + 21 + bytes.readUInt16LE(at + 19);
        const end = frameAt + 4 + bytes.readUInt32LE(frameAt);
        const documentId = bytes.toString('latin1', at + 21, frameAt);
        const frame = bytes.subarray(frameAt + 4, end);
        handler.publish(
          documentId,
          bytes.readUInt8(at + 1),
          frame,
          bytes.readUInt8(at + 2),
          bytes.readDoubleLE(at + 3),
          bytes.readDoubleLE(at + 11),
        );
        at = end;
        break;
      }
      case ECHO: {
        const frameAt = at + 13 + bytes.readUInt16LE(at + 11);
        const end = frameAt + 4 + bytes.readUInt32LE(frameAt);
        handler.echo(
          bytes.toString('latin1', at + 13, frameAt),
          bytes.readUInt8(at + 1),
          bytes.readDoubleLE(at + 3),
          bytes.subarray(frameAt + 4, end),
          bytes.readUInt8(at + 2),
        );
        at = end;
        break;
      }
      case DIRECT: {
        const flags = bytes.readUInt8(at + 1);
        const end = at + 23 + bytes.readUInt32LE(at + 19);
        const kind = (flags & FLAG_LAST) !== 0 ? 'lastOfRead' : (flags & FLAG_READ) !== 0 ? 'read' : 'reply';
        const encoding = (flags & FLAG_JSON) === 0 ? 'binary' : 'json';
        handler.direct(
          bytes.readDoubleLE(at + 11),
          encoding,
          kind,
          bytes.subarray(at + 23, end),
          bytes.readUInt8(at + 2),
          bytes.readDoubleLE(at + 3),
        );
        at = end;
        break;
      }
      case SETTLED:
        handler.settled(bytes.readDoubleLE(at + 1));
        at += 9;
        break;
      case GROUP:
        handler.settledGroup(bytes.readDoubleLE(at + 1), bytes.readUInt32LE(at + 9));
        at += 13;
        break;
      case STATUS:
        handler.status({
          storageHealthy: bytes.readUInt8(at + 1) === 1,
          busConnected: bytes.readUInt8(at + 2) === 1,
          documents: bytes.readUInt32LE(at + 3),
          bytes: bytes.readDoubleLE(at + 7),
          pendingBytes: bytes.readDoubleLE(at + 15),
        });
        at += 23;
        break;
      case AWARENESS: {
        const messageAt = at + 3 + bytes.readUInt16LE(at + 1) + 4;
        const end = messageAt + bytes.readUInt32LE(messageAt - 4);
        handler.awareness(bytes.toString('latin1', at + 3, messageAt - 4), bytes.subarray(messageAt, end));
        at = end;
        break;
      }
      case ACTIVE: {
        const end = at + 3 + bytes.readUInt16LE(at + 1);
        handler.awarenessActive(bytes.toString('latin1', at + 3, end));
        at = end;
        break;
      }
      default:
        throw new Error(`unknown entry ${bytes[at] ?? -1} at ${at} of an answer`);
    }
  }
}
