import type { AcceptorMetrics } from '../../metrics/acceptor-metrics.js';
import { typeOfCode, type MessageType } from '../../protocol/codes.js';
import type { ShardStatus } from '../../messages/answer.js';
import { readAnswer, type AnswerHandler } from '../../messages/answer-reader.js';
import { variants } from '../../messages/task.js';
import type { Compression } from '../session/compression.js';
import type { Publish } from '../apps.js';
import type { Awareness } from '../awareness/awareness.js';
import type { EventTopics } from './event-topics.js';
import type { Outgoing } from './outgoing.js';
import type { ReadAdmission } from '../session/limits/read-admission.js';
import { readKey, type AnswerFrame, type Outlet } from '../session/limits/read-gate.js';
import type { Session } from '../session/session.js';
import type { SessionMeter } from '../session/limits/session-meter.js';
import { topicOf } from './topic-names.js';
import type { Topics } from './topics.js';
import type { TurnCost } from './turn-cost.js';

export interface DeliveryOptions {
  readonly publish: Publish;
  readonly events: Pick<EventTopics, 'publish'>;
  readonly topics: Topics;
  readonly awareness: Pick<Awareness, 'receive' | 'active' | 'stateFrame'>;
  readonly metrics: AcceptorMetrics;
  readonly meter: SessionMeter;
  readonly admission: Pick<ReadAdmission, 'answered'>;
  readonly outgoing: Pick<Outgoing, 'measure' | 'isCrowded'>;
  /** The open session of this number. */
  readonly find: (session: number) => Session | undefined;
  /** Answers to reads are held back while a socket buffers more than half of it. */
  readonly maxBackpressureBytes: number;
  readonly compression: Compression;
  readonly cost: Pick<TurnCost, 'begin' | 'add'>;
  readonly onSettled: (shard: number, task: number) => void;
  readonly onSettledGroup: (shard: number, task: number, group: number) => void;
  readonly onRelayed: (shard: number, task: number, group: number, records: number) => void;
  /** A document is deleted or erased. */
  readonly onEnded: (documentId: string) => void;
  readonly onStatus: (shard: number, status: ShardStatus) => void;
}

/** A frame of this size is counted at once among what waits for clients. */
const LARGE_BYTES = 64 * 1024;

type Reply = Omit<AnswerFrame, 'last' | 'read'>;

/**
 * Delivers the answers of shards: frames to topics, one native call each whatever the number of subscribers, and frames
 * to single sessions. A whole answer is sent in one turn of the event loop, so that uWS can join the frames per socket.
 */
export class Delivery {
  readonly #options: DeliveryOptions;
  /**
   * The session of `#replies`. Consecutive replies to one session are sent together: a burst of acks is one system
   * call.
   */
  #to: Session | undefined;
  readonly #replies: Reply[] = [];
  /** Of the last update of this answer. */
  #lastDocument = '';
  #lastVariant = 0;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  deliver(shard: number, answer: Uint8Array<ArrayBuffer>): void {
    const { publish, events, topics, awareness, metrics, admission, find, compression } = this.#options;
    const { onSettled, onSettledGroup, onRelayed, onStatus } = this.#options;
    const now = Date.now();
    const handler: AnswerHandler = {
      publish: (documentId, variant, frame, type, receivedAt, except) => {
        this.#sendReplies();
        const sender = except === 0 ? undefined : find(except);
        // uWS publishes nothing through a socket that has no subscription.
        const left = sender?.isOpen === true && topics.isJoined(sender, documentId) ? sender : undefined;
        const topic = topicOf(documentId, variant);
        const subscribers = topics.countOf(documentId, variant);
        this.#reach(documentId, variant, subscribers, frame.length);
        const compress = compression.isFor(frame, subscribers);
        publish(topic, toArrayBufferView(frame), isBinary(variant), compress, left);
        events.publish(topic, variant, frame, except);
        this.#countPublish(frame.length, subscribers, typeOfCode(type));
        topics.touch(documentId, now);
        if (receivedAt > 0) metrics.fanoutLatency.observe((performance.now() - receivedAt) / 1_000);
      },
      echo: (documentId, variant, number, frame, code) => {
        const session = find(number);
        const encoding = isBinary(variant) ? 'binary' : 'json';
        const hears = session?.subscriptions.has(documentId) === true;
        if (hears) this.#reply(session, { bytes: frame, encoding, type: typeOfCode(code) });
        topics.touch(documentId, now);
      },
      reply: (number, encoding, frame, code, receivedAt) => {
        const session = find(number);
        const type = typeOfCode(code);
        if (session !== undefined) this.#reply(session, { bytes: frame, encoding, type });
        if (type === 'ack') metrics.ackLatency.observe((performance.now() - receivedAt) / 1_000);
      },
      read: (number, encoding, frame, code, read, last) => {
        // Also for a session that is gone: its read is over.
        admission.answered(readKey(number, read), frame.length, last);
        const session = find(number);
        if (session === undefined) return;
        this.#sendReplies();
        this.answerRead(session, { bytes: frame, encoding, type: typeOfCode(code), read, last });
      },
      settled: (task) => {
        onSettled(shard, task);
      },
      settledGroup: (task, group) => {
        onSettledGroup(shard, task, group);
      },
      relayed: (task, group, records) => {
        onRelayed(shard, task, group, records);
      },
      status: (status) => {
        onStatus(shard, status);
      },
      awareness: (documentId, message) => {
        awareness.receive(documentId, message);
      },
      awarenessActive: (documentId) => {
        awareness.active(documentId);
      },
      changed: (documentId) => {
        topics.touch(documentId, now);
      },
      ended: (documentId) => {
        this.#sendReplies();
        this.#options.onEnded(documentId);
      },
      created: (number) => {
        metrics.documentsCreated.add(1);
        find(number)?.userBudget?.documents.charge(performance.now(), 1);
      },
    };
    readAnswer(answer, handler);
    this.#sendReplies();
    this.#lastVariant = 0;
  }

  /** The socket's buffer has drained, or an answer to a read has arrived. */
  pumpReads(session: Session): void {
    const { reads } = session;
    if (!session.isOpen || reads === undefined) return;
    reads.pump(this.#outletOf(session));
    if (reads.isIdle) session.reads = undefined;
  }

  /** A part of the answer to a read. */
  answerRead(session: Session, frame: AnswerFrame): void {
    const { reads } = session;
    if (!session.isOpen || reads === undefined) return;
    session.socket.cork(() => {
      reads.answer(frame, this.#outletOf(session));
    });
    if (reads.isIdle) session.reads = undefined;
  }

  /** Answers a read of awareness; what is shown is known here, so no shard is asked. */
  answerAwareness(session: Session, documentId: string, read: number): void {
    const { awareness, admission } = this.#options;
    const isAsked = session.isOpen && session.reads !== undefined;
    const bytes = isAsked ? awareness.stateFrame(session, documentId) : new Uint8Array();
    admission.answered(readKey(session.number, read), bytes.length, true);
    if (!isAsked) return;
    this.answerRead(session, { read, bytes, type: 'awareness_state', encoding: session.encoding, last: true });
  }

  #outletOf(session: Session): Outlet {
    const { outgoing, maxBackpressureBytes } = this.#options;
    const highWater = maxBackpressureBytes / 2;
    return {
      hasRoom: () => session.isOpen && !outgoing.isCrowded && session.socket.getBufferedAmount() <= highWater,
      send: (frame) => {
        // The end of a read to which there was nothing to send.
        if (frame.bytes.length > 0) session.send(frame.bytes, frame.type, frame.encoding);
        if (frame.bytes.length >= LARGE_BYTES) outgoing.measure(session);
      },
      answered: (documentId, isRefused) => {
        if (isRefused) this.#options.topics.refused(session, documentId);
        else this.#options.topics.answered(session, documentId);
      },
    };
  }

  #countPublish(bytes: number, subscribers: number, type: MessageType): void {
    const { metrics, meter } = this.#options;
    metrics.publishes.add(1);
    metrics.deliveries.add(subscribers);
    meter.sent(type, bytes, subscribers);
  }

  /** Several updates for one variant of a document come behind each other, and reach the same subscribers. */
  #reach(documentId: string, variant: number, subscribers: number, bytes: number): void {
    const { cost } = this.#options;
    if (this.#lastVariant === 0) cost.begin();
    const isFirst = variant !== this.#lastVariant || documentId !== this.#lastDocument;
    this.#lastDocument = documentId;
    this.#lastVariant = variant;
    cost.add(subscribers, bytes, isFirst);
  }

  #reply(session: Session, reply: Reply): void {
    if (session !== this.#to) this.#sendReplies();
    this.#to = session;
    this.#replies.push(reply);
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

const binary =
  variants.binaryDelta |
  variants.binaryBatch |
  variants.binaryAny |
  variants.partialBinaryDelta |
  variants.partialBinaryBatch;

function isBinary(variant: number): boolean {
  return (variant & binary) !== 0;
}

/** uWS accepts any view, but its types allow only views of an ArrayBuffer, which the frames of an answer are. */
function toArrayBufferView(frame: Uint8Array): Uint8Array<ArrayBuffer> {
  return frame as Uint8Array<ArrayBuffer>;
}
