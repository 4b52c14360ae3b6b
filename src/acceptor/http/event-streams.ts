import { LimitError, ProtocolError, RefusedError } from '../../errors.js';
import type { FollowRequest } from '../../messages/document-request.js';
import { recordKinds } from '../../messages/task.js';
import type { Addresses } from '../addresses/addresses.js';
import { gateOf } from '../control.js';
import type { Delivery } from '../fan-out/delivery.js';
import type { Topics } from '../fan-out/topics.js';
import { accessTo } from './access-to.js';
import { chargeTo } from './charge-to.js';
import type { DocumentRequestsOptions } from './document-requests.js';
import { EventStream, type EventSink } from './event-stream.js';
import type { EventTopics } from '../fan-out/event-topics.js';
import type { Sender } from './http-sessions.js';
import { refusalOf } from './refusal.js';

export interface EventStreamsOptions extends Omit<
  DocumentRequestsOptions,
  'timeoutMs' | 'lifecycle' | 'writeCheck' | 'history' | 'keepsHistory'
> {
  readonly topics: Pick<Topics, 'subscribe'>;
  readonly events: EventTopics;
  readonly addresses: Pick<Addresses, 'enter' | 'leave'>;
  readonly delivery: () => Pick<Delivery, 'pumpReads'>;
  readonly maxStreams: number;
  /** Bytes that may wait for one client. */
  readonly maxBackpressureBytes: number;
}

/** An open stream. */
export interface OpenStream {
  /** Some of what waited was written. @param waitingBytes That are left. */
  drained(waitingBytes: number): void;
  /** The client has gone, or the stream has ended. */
  close(): void;
}

/** The streams of server-sent events. Each follows one document, like a connection that is subscribed to it. */
export class EventStreams {
  readonly #options: EventStreamsOptions;
  readonly #open = new Set<EventStream>();
  /** Open ones, and those that are being opened. */
  #count = 0;

  constructor(options: EventStreamsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#count;
  }

  /** Ends all of them: the clients come back, to another node if this one ends. */
  endAll(): void {
    for (const stream of [...this.#open]) stream.ended();
  }

  /**
   * Opens a stream. Its first event is written when this resolves: the state, or what the client has missed.
   *
   * @throws ProtocolError With the code of the refusal; nothing is written then.
   */
  async open(sender: Sender, request: FollowRequest, sink: EventSink): Promise<OpenStream> {
    const { maxStreams, addresses, metrics } = this.#options;
    if (this.#count >= maxStreams || !addresses.enter(sender.address)) {
      metrics.limitRejections('streams').add(1);
      throw new LimitError('streams', 'too many streams of events');
    }
    this.#count++;
    let isClosed = false;
    let stream: EventStream | undefined;
    const close = (): void => {
      if (isClosed) return;
      isClosed = true;
      this.#count--;
      addresses.leave(sender.address);
      if (stream !== undefined) this.#close(stream);
    };
    try {
      stream = await this.#make(sender, request, sink);
      await this.#begin(stream, request, sink);
    } catch (error) {
      close();
      throw error;
    }
    const opened = stream;
    return {
      drained: (waitingBytes) => {
        opened.drained(waitingBytes);
        if (opened.isOpen) this.#options.delivery().pumpReads(opened);
      },
      close,
    };
  }

  async #make(sender: Sender, { lastEventId }: FollowRequest, sink: EventSink): Promise<EventStream> {
    const { sessions, events, maxBackpressureBytes } = this.#options;
    const stream = await sessions.open(
      sender,
      (...about) => new EventStream(about, sink, lastEventId, maxBackpressureBytes),
      (made) => made.socketOf(events),
    );
    this.#open.add(stream);
    return stream;
  }

  /** Asks for the document, and resolves with the first answer. */
  async #begin(stream: EventStream, { documentId, requestId }: FollowRequest, sink: EventSink): Promise<void> {
    const access = await accessTo(stream, documentId);
    if (!access.mayRead(documentId)) throw new ProtocolError('PERMISSION_DENIED');
    chargeTo(stream, 'subscribe', 0, this.#options);
    await new Promise<void>((resolve, reject) => {
      let isAnswered = false;
      stream.listen({
        onFrame: (frame, type) => {
          if (type === 'sync_response') {
            isAnswered = true;
            stream.show(frame);
            resolve();
          } else if (type === 'error' && isAnswered) {
            stream.fail(frame);
          } else if (type === 'error') {
            const { code, sentence, retryAfterMs } = refusalOf(frame);
            reject(new RefusedError(code, sentence, retryAfterMs));
          }
        },
        onState: () => undefined,
        onEnd: () => {
          reject(new ProtocolError('SHUTTING_DOWN'));
          if (isAnswered) sink.end();
        },
      });
      this.#read(stream, documentId, requestId);
    });
  }

  #read(stream: EventStream, documentId: string, requestId: string): void {
    const { topics, coalescer, admission } = this.#options;
    topics.subscribe(stream, documentId);
    const request = stream.request(requestId);
    const payload = Buffer.from(JSON.stringify(request));
    const gate = (stream.reads ??= gateOf(stream, admission));
    const start = (read: number): void => {
      coalescer.add(documentId, { kind: recordKinds.subscribe, origin: stream.origin(), read, payload }, true);
    };
    const subject = `events ${request.vector === undefined ? '' : 'v'} ${documentId}`;
    if (!gate.request({ documentId, requestId, subject }, start, payload.length)) {
      throw new LimitError('reads', 'too many reads');
    }
  }

  #close(stream: EventStream): void {
    const { sessions, events } = this.#options;
    this.#open.delete(stream);
    stream.leaveAll(events);
    sessions.close(stream);
  }
}
