import { ackBody, errorBody, type Body, type Encoding, type ErrorDetails } from '../protocol/encode.js';
import type { MessageType } from '../protocol/codes.js';
import type { ByteWriter } from '../protocol/byte-writer.js';
import type { ErrorCode } from '../errors.js';
import { AnswerWriter, type ShardStatus } from '../messages/answer.js';
import type { Origin, ReadRecord } from '../messages/task.js';
import { frame } from './answer-frame.js';

/** A way in which subscribers want what is published: one of `variants`, and what it is encoded in. */
export interface Variant {
  readonly variant: number;
  readonly encoding: Encoding;
  /** Whether it is of server-sent events. */
  readonly isForEvents?: boolean;
}

/** Answers to much at once are sent in pieces of about this size. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** Frames that may wait for an ack, but not behind other frames of their document. */
export interface Held {
  readonly documentId: string;
  readonly send: () => void;
}

/** What a shard answers, collected during a turn of its event loop and sent to the acceptor at the end of it. */
export class Outbox {
  readonly #answer = new AnswerWriter();
  /** What is published, and told to single sessions about documents, goes here: to the answer, or aside. */
  #shown = this.#answer;
  readonly #aside = new AnswerWriter();
  readonly #send: (answer: Uint8Array<ArrayBuffer>) => void;
  readonly #status: () => ShardStatus;
  /** By document, in the order in which it came. */
  readonly #held = new Map<string, Held[]>();
  #ids = 0;
  /** As the last answer said: a storage or a bus that begins to fail is reported also when no client is answered. */
  #sent: Partial<ShardStatus> = { storageHealthy: true, busConnected: true };
  #now = 0;

  constructor(send: (answer: Uint8Array<ArrayBuffer>) => void, status: () => ShardStatus) {
    this.#send = send;
    this.#status = status;
  }

  /** Milliseconds since the epoch; one time for all frames of a turn. */
  get now(): number {
    if (this.#now === 0) this.#now = Date.now();
    return this.#now;
  }

  /** Bytes of the answer so far. */
  get length(): number {
    return this.#answer.frames.length;
  }

  /** A message id of the server's own. */
  nextId(): string {
    return `s${(this.#ids++).toString(36)}`;
  }

  /**
   * Runs an action, and keeps what it publishes or replies out of the answer. Acks, errors and answers to reads are sent.
   *
   * @returns What it has published, for `append`; empty if that is nothing.
   */
  divert(action: () => void): Uint8Array {
    const before = this.#shown;
    this.#shown = this.#aside;
    try {
      action();
    } finally {
      this.#shown = before;
    }
    return this.#aside.empty ? nothing : this.#aside.takeEntries();
  }

  /** Sends what was diverted. */
  append(entries: Uint8Array): void {
    this.#shown.append(entries);
  }

  /** Sends a frame to the subscribers of one variant, except one session (0: to all of them). */
  publish(
    documentId: string,
    variant: Variant,
    type: MessageType,
    body: Body,
    receivedAt: number,
    except: number,
  ): void {
    this.publishWith(documentId, variant, except, type, receivedAt, (writer) => {
      writer.text(body);
    });
  }

  /** Keeps something until `releaseUpTo` or until the next publish of its document. */
  hold(held: Held): void {
    const others = this.#held.get(held.documentId);
    if (others === undefined) this.#held.set(held.documentId, [held]);
    else others.push(held);
  }

  /** Sends what is held of a document: updates reach a subscriber in the order in which they were merged. */
  release(documentId: string): void {
    const all = this.#held.get(documentId);
    if (all === undefined) return;
    this.#held.delete(documentId);
    for (const { send } of all) send();
  }

  /** Sends this and what was held of its document before, unless it was sent. */
  releaseUpTo(held: Held): void {
    const all = this.#held.get(held.documentId);
    const place = all?.indexOf(held) ?? -1;
    if (all === undefined || place === -1) return;
    if (all.length === place + 1) this.#held.delete(held.documentId);
    for (const { send } of all.splice(0, place + 1)) send();
  }

  /** Sends a frame to one subscriber of a document, together with the other replies to it. */
  echo(documentId: string, { variant, encoding }: Variant, type: MessageType, body: Body, session: number): void {
    const shown = this.#shown;
    const begun = shown.beginEcho(variant, documentId, type, session);
    frame(shown, this.now, type, encoding, (writer) => {
      writer.text(body);
    });
    shown.end(begun);
  }

  /**
   * Sends a frame to the subscribers of one variant, except one session (0: to all of them).
   *
   * @param receivedAt Of the oldest write in it, in ms of the acceptor's clock; 0 when it is of another node.
   * @param write Writes the body.
   */
  publishWith(
    documentId: string,
    { variant, encoding }: Variant,
    except: number,
    type: MessageType,
    receivedAt: number,
    write: (writer: ByteWriter) => void,
  ): void {
    this.release(documentId);
    const shown = this.#shown;
    const begun = shown.beginPublish(variant, documentId, type, receivedAt, except);
    frame(shown, this.now, type, encoding, write);
    shown.end(begun);
  }

  /** Sends a frame about a document to one session. */
  reply(origin: Origin, type: MessageType, body: Body): void {
    this.replyWith(origin, type, (writer) => {
      writer.text(body);
    });
  }

  /** As `reply`, for bodies that are too large to be a string first. @param write Writes the body. */
  replyWith(origin: Origin, type: MessageType, write: (writer: ByteWriter) => void): void {
    this.#reply(this.#shown, origin, type, 0, write);
  }

  /** Sends a frame of the answer to a read. @param isLast Whether the answer ends with it. */
  answer(record: ReadRecord, type: MessageType, body: Body, isLast = true): void {
    this.answerWith(record, type, isLast, (writer) => {
      writer.text(body);
    });
  }

  /** As `answer`, for bodies that are too large to be a string first. @param write Writes the body. */
  answerWith(
    { origin, read }: ReadRecord,
    type: MessageType,
    isLast: boolean,
    write: (writer: ByteWriter) => void,
  ): void {
    const begun = this.#answer.beginRead(origin.session, origin.encoding, type, read, isLast);
    frame(this.#answer, this.now, type, origin.encoding, write);
    this.#answer.end(begun);
  }

  /** The answer to a read that is no frame of the protocol. @param write Writes all of it. */
  answerPlainly({ origin, read }: ReadRecord, write: (writer: ByteWriter) => void): void {
    const begun = this.#answer.beginRead(origin.session, origin.encoding, 'sync_response', read, true);
    write(this.#answer.frames);
    this.#answer.end(begun);
  }

  /** Ends a read to which there is nothing to send. */
  endRead({ origin, read }: ReadRecord): void {
    this.#answer.end(this.#answer.beginRead(origin.session, origin.encoding, 'delta', read, true));
  }

  /** @param receivedAt Of the write, in ms of the acceptor's clock. */
  ack(origin: Origin, messageId: string, receivedAt: number): void {
    this.#reply(this.#answer, origin, 'ack', receivedAt, (writer) => {
      writer.text(ackBody(this.nextId(), messageId));
    });
  }

  /** Refuses a write. @param sentence Begins with the sentence of the code. */
  error(origin: Origin, code: ErrorCode, details: ErrorDetails, sentence?: string): void {
    this.#reply(this.#answer, origin, 'error', 0, (writer) => {
      writer.text(errorBody(this.nextId(), code, details, sentence));
    });
  }

  /** Refuses a read. */
  readError(record: ReadRecord, code: ErrorCode, details: ErrorDetails, sentence?: string): void {
    this.answer(record, 'error', errorBody(this.nextId(), code, details, sentence));
  }

  settled(task: number): void {
    this.#answer.settled(task);
  }

  settledGroup(task: number, group: number): void {
    this.#answer.settledGroup(task, group);
  }

  relayed(task: number, group: number, records: number): void {
    this.#answer.relayed(task, group, records);
  }

  /** Passes on another process's message about the awareness of a document, in the format of the bus. */
  awareness(documentId: string, message: Uint8Array): void {
    this.#answer.awareness(documentId, message);
  }

  awarenessActive(documentId: string): void {
    this.#answer.awarenessActive(documentId);
  }

  created({ session }: Origin): void {
    this.#answer.created(session);
  }

  /** A document has changed, and there is nobody to send that to. */
  changed(documentId: string): void {
    this.#answer.changed(documentId);
  }

  /** A document is deleted or erased: its subscribers are told. */
  ended(documentId: string): void {
    this.#answer.ended(documentId);
  }

  /** The shard has worked through a task: the acceptor may give it another. */
  taskDone(): void {
    this.#answer.taskDone();
  }

  /** The shard has worked through an awareness task: the acceptor may give it another. */
  awarenessTaskDone(): void {
    this.#answer.awarenessTaskDone();
  }

  /** Sends the answer so far when it is large: a thousand clients may ask for a document, or many texts be loaded, at once. */
  flushIfLarge(): void {
    if (this.length >= MAX_ANSWER_BYTES) this.flush();
  }

  /** Ends the turn: sends its answer, if it has one. */
  flush(): void {
    this.#now = 0;
    const status = this.#status();
    const { storageHealthy, busConnected, storageLost } = this.#sent;
    const isChange =
      status.storageHealthy !== storageHealthy ||
      status.busConnected !== busConnected ||
      status.storageLost !== storageLost;
    if (this.#answer.empty && !isChange) return;
    this.#sent = { ...status };
    this.#answer.status(status);
    this.#send(this.#answer.finish());
  }

  /** @param receivedAt Of an ack: of its write, in ms of the acceptor's clock. */
  #reply(
    answer: AnswerWriter,
    { session, encoding }: Origin,
    type: MessageType,
    receivedAt: number,
    write: (writer: ByteWriter) => void,
  ): void {
    const begun = answer.beginReply(session, encoding, type, receivedAt);
    frame(answer, this.now, type, encoding, write);
    answer.end(begun);
  }
}

const nothing = new Uint8Array();
