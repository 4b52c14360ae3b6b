import type { SubscribeRequest } from '../../messages/task.js';
import {
  formatResumePoint,
  mergeResumePoints,
  parseResumePoint,
  vectorOf,
  type ResumePoint,
} from '../../protocol/resume-point.js';
import type { SessionParts } from '../session/session.js';
import { resumeIdOf, type EventReader, type EventTopics } from '../fan-out/event-topics.js';
import { HttpSession, type StreamSocket } from './http-session.js';

/** Where events go. */
export interface EventSink {
  /**
   * Writes one event. @param frame JSON in one line, valid during the call only.
   *
   * @returns Bytes that wait for the client.
   */
  write(event: 'state' | 'update' | 'error', id: string | undefined, frame: Uint8Array): number;
  /** The stream ends, by the server. */
  end(): void;
}

/** A stream of the events of one document. */
export class EventStream extends HttpSession implements EventReader {
  readonly #sink: EventSink;
  readonly #maxWaitingBytes: number;
  readonly #topics = new Set<string>();
  #point: ResumePoint | undefined;
  #waitingBytes = 0;

  /** @param lastEventId Of the client's former stream, or the empty string. */
  constructor(
    about: readonly [number: number, address: string, parts: SessionParts],
    sink: EventSink,
    lastEventId: string,
    maxWaitingBytes: number,
  ) {
    super(...about);
    this.#sink = sink;
    this.#maxWaitingBytes = maxWaitingBytes;
    this.#point = parseResumePoint(lastEventId);
  }

  override get isEventStream(): boolean {
    return true;
  }

  get session(): number {
    return this.number;
  }

  /** Bytes that wait for the client, as last seen. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** The sink has written something of what waited. */
  drained(bytes: number): void {
    this.#waitingBytes = bytes;
  }

  /** What is read first: all there is, or what the client has not seen. */
  request(requestId: string): SubscribeRequest {
    const point = this.#point;
    if (point === undefined) return { requestId, isForEvents: true };
    return { requestId, isForEvents: true, vector: vectorOf(point), seen: point.server };
  }

  /** An update of the document. */
  publish(frame: Uint8Array, resumeId: string | undefined): void {
    if (!this.isOpen) return;
    // It resumes from what it has received.
    if (this.#waitingBytes > this.#maxWaitingBytes) this.ended();
    else this.#write('update', frame, resumeId);
  }

  /** The part of its socket that streams have. */
  socketOf(topics: EventTopics): StreamSocket {
    return {
      subscribe: (topic) => {
        this.#topics.add(topic);
        topics.join(topic, this);
        return true;
      },
      unsubscribe: (topic) => {
        topics.leave(topic, this);
        return this.#topics.delete(topic);
      },
      getBufferedAmount: () => this.#waitingBytes,
    };
  }

  /** It has closed. */
  leaveAll(topics: EventTopics): void {
    for (const topic of this.#topics) topics.leave(topic, this);
    this.#topics.clear();
  }

  /** The answer to the read. */
  show(frame: Uint8Array): void {
    this.#write('state', frame, resumeIdOf(Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength)));
  }

  /** Why it ends. */
  fail(frame: Uint8Array): void {
    this.#sink.write('error', undefined, frame);
    this.#sink.end();
  }

  #write(event: 'state' | 'update', frame: Uint8Array, resumeId: string | undefined): void {
    const sent = resumeId === undefined ? undefined : parseResumePoint(resumeId);
    if (sent !== undefined) this.#point = mergeResumePoints(this.#point, sent);
    const id = this.#point === undefined ? undefined : formatResumePoint(this.#point);
    this.#waitingBytes = this.#sink.write(event, id, frame);
  }
}
