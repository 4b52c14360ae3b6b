import { ackBody, errorBody, writeFrame, type Body, type ErrorDetails } from '../protocol/encode.js';
import type { MessageType } from '../protocol/codes.js';
import type { ByteWriter } from '../protocol/byte-writer.js';
import type { ErrorCode } from '../errors.js';
import { AnswerWriter, type DirectKind, type ShardStatus } from '../shards/answer.js';
import type { Origin } from '../shards/task.js';

/** What a shard has to say to the acceptor, collected and sent once per turn. */
export class Outbox {
  readonly #answer = new AnswerWriter();
  readonly #send: (answer: Uint8Array<ArrayBuffer>) => void;
  readonly #status: () => ShardStatus;
  #ids = 0;
  /** A storage that begins to fail is news, also when no client is answered. */
  #toldHealthy = true;
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

  /** Sends a frame to all subscribers of one variant. */
  publish(documentId: string, variant: number, type: MessageType, body: Body, origin: Origin['encoding']): void {
    const begun = this.#answer.beginPublish(variant, documentId);
    writeFrame(this.#answer.frames, type, body, this.now, origin);
    this.#answer.end(begun);
  }

  /** Sends a frame to one session. */
  direct(origin: Origin, type: MessageType, body: Body, kind: DirectKind = 'reply'): void {
    this.directWith(origin, kind, (writer) => {
      writeFrame(writer, type, body, this.now, origin.encoding);
    });
  }

  /** As `direct`, for frames that are too large to be a string first. */
  directWith(origin: Origin, kind: DirectKind, write: (writer: ByteWriter) => void): void {
    const begun = this.#answer.beginDirect(origin.session, origin.encoding, kind);
    write(this.#answer.frames);
    this.#answer.end(begun);
  }

  ack(origin: Origin, messageId: string): void {
    this.direct(origin, 'ack', ackBody(this.nextId(), messageId));
  }

  error(origin: Origin, code: ErrorCode, details: ErrorDetails, sentence?: string, kind: DirectKind = 'reply'): void {
    this.direct(origin, 'error', errorBody(this.nextId(), code, details, sentence), kind);
  }

  settled(task: number): void {
    this.#answer.settled(task);
  }

  /** Ends the turn: its answer, if there is anything to say. */
  take(): Uint8Array<ArrayBuffer> | undefined {
    this.#now = 0;
    const status = this.#status();
    if (this.#answer.empty && status.storageHealthy === this.#toldHealthy) return undefined;
    this.#toldHealthy = status.storageHealthy;
    this.#answer.status(status);
    return this.#answer.take();
  }

  /** Ends a turn that is not the acceptor's: sends its answer. */
  flush(): void {
    const answer = this.take();
    if (answer !== undefined) this.#send(answer);
  }
}
