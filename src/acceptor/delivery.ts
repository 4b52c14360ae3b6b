import type { TemplatedApp } from 'uWebSockets.js';
import type { Encoding } from '../protocol/encode.js';
import { readAnswer, type AnswerHandler, type DirectKind, type ShardStatus } from '../shards/answer.js';
import { variants } from '../shards/task.js';
import type { AnswerFrame } from './read-gate.js';
import type { Session } from './session.js';
import { topicOf, type Topics } from './topics.js';

export interface DeliveryOptions {
  readonly app: Pick<TemplatedApp, 'publish'>;
  readonly topics: Topics;
  /** The open session of this number. */
  readonly find: (session: number) => Session | undefined;
  readonly onSettled: (shard: number, task: number) => void;
  readonly onStatus: (shard: number, status: ShardStatus) => void;
}

interface Reply {
  readonly bytes: Uint8Array;
  readonly encoding: Encoding;
}

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
    const { app, topics, find, onSettled, onStatus } = this.#options;
    const now = Date.now();
    const handler: AnswerHandler = {
      publish: (documentId, variant, frame) => {
        this.#sendReplies();
        app.publish(topicOf(documentId, variant), toArrayBufferView(frame), isBinary(variant));
        topics.touch(documentId, now);
      },
      direct: (number, encoding, kind, frame) => {
        const session = find(number);
        if (session !== undefined) this.#direct(session, encoding, kind, frame);
      },
      settled: (task) => {
        onSettled(shard, task);
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
    if (!session.isOpen) return;
    session.reads.pump(
      () => (session.isOpen ? session.socket.getBufferedAmount() : Infinity),
      (frame: AnswerFrame) => {
        session.send(frame.bytes, frame.encoding);
      },
    );
  }

  #direct(session: Session, encoding: Encoding, kind: DirectKind, bytes: Uint8Array): void {
    if (kind === 'reply') {
      if (session !== this.#to) this.#sendReplies();
      this.#to = session;
      this.#replies.push({ bytes, encoding });
      return;
    }
    this.#sendReplies();
    session.reads.answer({ bytes, encoding, last: kind === 'lastOfRead' });
    if (kind !== 'lastOfRead') return;
    session.socket.cork(() => {
      this.pumpReads(session);
    });
  }

  #sendReplies(): void {
    const session = this.#to;
    if (session === undefined) return;
    this.#to = undefined;
    const replies = this.#replies.splice(0);
    if (!session.isOpen) return;
    session.socket.cork(() => {
      for (const { bytes, encoding } of replies) session.send(bytes, encoding);
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
