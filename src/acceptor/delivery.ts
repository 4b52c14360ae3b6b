import type { TemplatedApp } from 'uWebSockets.js';
import type { AcceptorMetrics } from '../metrics/acceptor-metrics.js';
import { typeOfCode, type MessageType } from '../protocol/codes.js';
import { readAnswer, type AnswerHandler, type DirectKind, type ShardStatus } from '../shards/answer.js';
import { variants } from '../shards/task.js';
import { ReadGate, type AnswerFrame } from './read-gate.js';
import type { Session } from './session.js';
import type { SessionMeter } from './session-meter.js';
import { topicOf, type Topics } from './topics.js';

export interface DeliveryOptions {
  readonly app: Pick<TemplatedApp, 'publish'>;
  readonly topics: Topics;
  readonly metrics: AcceptorMetrics;
  readonly meter: SessionMeter;
  /** The open session of this number. */
  readonly find: (session: number) => Session | undefined;
  /** Above half of it in a socket's buffer, no answer to a read is sent. */
  readonly maxBackpressureBytes: number;
  readonly onSettled: (shard: number, task: number) => void;
  readonly onSettledPart: (shard: number, task: number, group: number) => void;
  readonly onStatus: (shard: number, status: ShardStatus) => void;
}

type Reply = Omit<AnswerFrame, 'last'>;

/**
 * Takes the answers of shards apart: frames to topics, one native call each whatever the number of subscribers, and
 * frames to sessions. All of an answer goes out in one turn, which lets uWS join what one socket gets.
 */
export class Delivery {
  readonly #options: DeliveryOptions;
  /** Replies to one session that follow each other leave together: a burst of writes gets its acks in one system call. */
  #to: Session | undefined;
  readonly #replies: Reply[] = [];

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  deliver(shard: number, answer: Uint8Array<ArrayBuffer>): void {
    const { app, topics, metrics, find, onSettled, onSettledPart, onStatus } = this.#options;
    const now = Date.now();
    const handler: AnswerHandler = {
      publish: (documentId, variant, frame, type, cause) => {
        this.#sendReplies();
        app.publish(topicOf(documentId, variant), toArrayBufferView(frame), isBinary(variant));
        topics.touch(documentId, now);
        this.#countPublish(frame.length, topics.countOf(documentId, variant), typeOfCode(type));
        if (cause > 0) metrics.fanoutLatency.observe((performance.now() - cause) / 1_000);
      },
      direct: (number, encoding, kind, frame, code, cause) => {
        const session = find(number);
        const type = typeOfCode(code);
        if (session !== undefined) this.#direct(session, kind, { bytes: frame, encoding, type });
        if (type === 'ack') metrics.ackLatency.observe((performance.now() - cause) / 1_000);
      },
      settled: (task) => {
        onSettled(shard, task);
      },
      settledPart: (task, group) => {
        onSettledPart(shard, task, group);
      },
      status: (status) => {
        onStatus(shard, status);
      },
    };
    readAnswer(answer, handler);
    this.#sendReplies();
  }

  /** The socket has room again, or an answer to a read has come. */
  pumpReads(session: Session): void {
    const { reads } = session;
    if (!session.isOpen || reads === undefined) return;
    reads.pump(
      () => session.isOpen && session.socket.getBufferedAmount() <= this.#options.maxBackpressureBytes / 2,
      (frame: AnswerFrame) => {
        session.send(frame.bytes, frame.type, frame.encoding);
      },
    );
    if (reads.isIdle && session.reads === reads) session.reads = undefined;
  }

  /** A part of the answer to a read; the last one lets all of it go, as far as the socket takes it. */
  answerRead(session: Session, frame: AnswerFrame): void {
    // A read that was answered twice, because a worker died, may have ended the gate while another was under way.
    session.reads ??= new ReadGate();
    session.reads.answer(frame);
    if (!frame.last || !session.isOpen) return;
    session.socket.cork(() => {
      this.pumpReads(session);
    });
  }

  #countPublish(bytes: number, subscribers: number, type: MessageType): void {
    const { metrics, meter } = this.#options;
    metrics.publishes.add(1);
    metrics.deliveries.add(subscribers);
    meter.sent(type, bytes, subscribers);
  }

  #direct(session: Session, kind: DirectKind, reply: Reply): void {
    if (kind === 'reply') {
      if (session !== this.#to) this.#sendReplies();
      this.#to = session;
      this.#replies.push(reply);
      return;
    }
    this.#sendReplies();
    this.answerRead(session, { ...reply, last: kind === 'lastOfRead' });
  }

  #sendReplies(): void {
    const session = this.#to;
    if (session === undefined) return;
    this.#to = undefined;
    const replies = this.#replies.splice(0);
    if (!session.isOpen) return;
    session.socket.cork(() => {
      for (const { bytes, encoding, type } of replies) session.send(bytes, type, encoding);
    });
  }
}

function isBinary(variant: number): boolean {
  return variant === variants.binaryDelta || variant === variants.binaryBatch;
}

/** uWS takes any view; its types know only those over an ArrayBuffer, which the frames of an answer are. */
function toArrayBufferView(frame: Uint8Array): Uint8Array<ArrayBuffer> {
  return frame as Uint8Array<ArrayBuffer>;
}
