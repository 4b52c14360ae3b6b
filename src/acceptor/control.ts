import { LimitError, ProtocolError } from '../errors.js';
import { isCount } from '../protocol/clock.js';
import { isDocumentId } from '../protocol/document-id.js';
import type { Fields } from '../protocol/fields.js';
import { parseVector, type Message } from '../protocol/message.js';
import { recordKinds, type ReadRecord, type StateVectorRequest, type SubscribeRequest } from '../messages/task.js';
import type { Coalescer } from './coalescer.js';
import type { Awareness } from './awareness/awareness.js';
import type { ReadAdmission } from './session/limits/read-admission.js';
import { ReadGate, readKey } from './session/limits/read-gate.js';
import { Replays } from './session/replays.js';
import type { Session, SessionState } from './session/session.js';
import type { Topics } from './fan-out/topics.js';

export interface ControlOptions {
  readonly coalescer: Coalescer;
  readonly topics: Topics;
  readonly awareness: Awareness;
  readonly admission: ReadAdmission;
  /** Sends a session the awareness of a document, as the answer to a read. */
  readonly answerAwareness: (session: Session, documentId: string, read: number) => void;
  /** Entries of a vector that are looked at. */
  readonly maxVectorEntries: number;
  readonly maxSubscriptions: number;
  readonly maxAwarenessBytes: number;
  /** Arrays and objects that may be around each other in an awareness state. */
  readonly maxValueDepth: number;
  /** Time before a client that may be an SDK 0.1.x is sent the fields of a state once more, in ms. */
  readonly replayDelayMs: number;
}

/** Bytes of the waiting reads of a session: a client may send a vector of very many entries for very many documents. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;

/** What an update of awareness costs besides the bytes of its state. */
const UPDATE_BYTES = 128;

type Authenticated = Extract<SessionState, { kind: 'authenticated' }>;

/**
 * Handles all messages of authenticated sessions except writes: subscriptions, reads and awareness. Throws
 * ProtocolError for input that has to be refused.
 */
export class Control {
  readonly #options: ControlOptions;
  readonly #replays: Replays;
  #ids = 0;

  constructor(options: ControlOptions) {
    this.#options = options;
    this.#replays = new Replays({
      delayMs: options.replayDelayMs,
      start: (session, documentId) => {
        this.#replay(session, documentId);
      },
    });
  }

  stop(): void {
    this.#replays.stop();
  }

  pong(session: Session): void {
    session.reply('pong', `"id":"${this.#nextId()}"`);
  }

  handle(session: Session, state: Authenticated, message: Message): void {
    const { fields } = message;
    const documentId = fields.text('documentId');
    if (!isDocumentId(documentId)) throw new ProtocolError('INVALID_DOCUMENT_ID');
    if (!state.access.mayRead(documentId)) throw new ProtocolError('PERMISSION_DENIED');
    switch (message.type) {
      case 'subscribe':
      case 'sync_request':
        this.#subscribe(session, documentId, fields);
        return;
      case 'sync_step1':
        this.#stateVector(session, documentId, fields);
        return;
      case 'unsubscribe':
        this.#options.topics.unsubscribe(session, documentId);
        return;
      case 'awareness_subscribe':
        this.#awarenessSubscribe(session, documentId, fields);
        return;
      case 'awareness_update':
        this.#awarenessUpdate(session, state.identity.userId, documentId, fields);
        return;
      default:
        throw new ProtocolError('UNKNOWN_TYPE');
    }
  }

  #subscribe(session: Session, documentId: string, fields: Fields): void {
    const vector = parseVector(fields, 'vectorClock', this.#options.maxVectorEntries);
    const isSubscribed = session.subscriptions.has(documentId);
    if (!this.#options.topics.subscribe(session, documentId)) {
      throw new LimitError('subscriptions', `at most ${this.#options.maxSubscriptions} subscriptions`);
    }
    const request: SubscribeRequest = {
      requestId: this.#requestIdOf(fields),
      vector: vector && [...vector.entries],
      seen: vector?.largest,
      clientId: clientIdOf(session, fields),
      replay: this.#replayWith(session, documentId, vector !== undefined, isSubscribed),
    };
    this.#read(session, documentId, recordKinds.subscribe, request);
  }

  #replayWith(session: Session, documentId: string, hasVector: boolean, isSubscribed: boolean): 'besides' | undefined {
    if (hasVector) return undefined;
    return this.#replays.decide(session, documentId, isSubscribed) === 'now' ? 'besides' : undefined;
  }

  /** Sends a client that has not shown which kind it is the fields of a document that it is subscribed to. */
  #replay(session: Session, documentId: string): void {
    const request: SubscribeRequest = { requestId: this.#nextId(), replay: 'alone' };
    try {
      this.#read(session, documentId, recordKinds.subscribe, request);
    } catch (error) {
      // It has asked for so much that its reads wait; its replay waits behind them.
      if (!(error instanceof LimitError)) throw error;
      this.#replays.decide(session, documentId, false);
    }
  }

  #stateVector(session: Session, documentId: string, fields: Fields): void {
    const vector = parseVector(fields, 'stateVector', this.#options.maxVectorEntries);
    // It is not subscribed by that; but a session that is, by its own writes, has everything after the answer.
    if (session.subscriptions.has(documentId)) this.#options.topics.subscribe(session, documentId);
    const request: StateVectorRequest = {
      requestId: this.#requestIdOf(fields),
      vector: [...(vector?.entries ?? [])],
      seen: vector?.largest,
    };
    this.#read(session, documentId, recordKinds.stateVector, request);
  }

  #read(
    session: Session,
    documentId: string,
    kind: ReadRecord['kind'],
    request: SubscribeRequest | StateVectorRequest,
  ): void {
    const { coalescer, admission, maxSubscriptions } = this.#options;
    const reads = (session.reads ??= gateOf(session, admission));
    const payload = Buffer.from(JSON.stringify(request));
    const fits = reads.waiting < maxSubscriptions && reads.waitingBytes + payload.length <= MAX_WAITING_BYTES;
    const start = (read: number): void => {
      const record: ReadRecord = { kind, origin: session.origin(), read, payload };
      coalescer.add(documentId, record, true);
    };
    const replay = 'replay' in request ? (request.replay ?? '') : '';
    const subject = `${kind}${request.vector === undefined ? '' : 'v'}${replay} ${documentId}`;
    const asked = { documentId, requestId: request.requestId, subject };
    if (!fits || !reads.request(asked, start, payload.length)) throw new LimitError('reads', 'too many reads');
  }

  #awarenessSubscribe(session: Session, documentId: string, fields: Fields): void {
    const { awareness, admission, answerAwareness, maxSubscriptions } = this.#options;
    if (!awareness.subscribe(session, documentId))
      throw new LimitError('awareness', 'too many awareness subscriptions');
    const reads = (session.reads ??= gateOf(session, admission));
    // One answer for all that were asked for before it.
    if (reads.asksAwareness(documentId)) return;
    const start = (read: number): void => {
      setImmediate(() => {
        answerAwareness(session, documentId, read);
      });
    };
    const requestId = this.#requestIdOf(fields);
    const asked = { documentId, requestId, subject: `awareness ${documentId}`, isAwareness: true };
    const fits = reads.waiting < maxSubscriptions;
    if (!fits || !reads.request(asked, start, requestId.length)) throw new LimitError('reads', 'too many reads');
  }

  #awarenessUpdate(session: Session, userId: string, documentId: string, fields: Fields): void {
    const clientId = fields.text('clientId');
    const clock = fields.number('clock');
    if (clientId === undefined || clientId === '' || clientId.length > 256) {
      throw new ProtocolError('INVALID_MESSAGE', 'clientId must be a string of 1–256 characters');
    }
    if (!isCount(clock)) throw new ProtocolError('INVALID_MESSAGE', 'clock must be a non-negative integer');
    const text = this.#stateOf(fields);
    if (text !== undefined && Buffer.byteLength(text) > this.#options.maxAwarenessBytes) {
      throw new ProtocolError(
        'MESSAGE_TOO_LARGE',
        `an awareness state has at most ${this.#options.maxAwarenessBytes} bytes`,
      );
    }
    const now = performance.now();
    const cost = UPDATE_BYTES + (text?.length ?? 0);
    const { awareness: budget } = session.budget;
    if (!budget.take(now, cost)) {
      throw new LimitError('awareness', 'awareness is updated too often', budget.waitMs(now, cost));
    }
    switch (this.#options.awareness.update(session, userId, { documentId, clientId, state: text, clock })) {
      case 'accepted':
        return;
      case 'notOwner':
        throw new ProtocolError('PERMISSION_DENIED', 'the client id belongs to another session');
      case 'overLimit':
        throw new LimitError('awareness', 'too many client ids or awareness states');
    }
  }

  /** The JSON of an awareness state, or undefined for a client that leaves. */
  #stateOf(fields: Fields): string | undefined {
    if (fields.has('state') && fields.isNothing('state')) return undefined;
    const state = fields.isObject('state') ? fields.value('state') : undefined;
    if (state === undefined) throw new ProtocolError('INVALID_MESSAGE', 'state must be an object or null');
    const { maxValueDepth } = this.#options;
    if (state.depth <= maxValueDepth) return state.json;
    throw new ProtocolError('INVALID_MESSAGE', `state may be nested ${maxValueDepth} levels deep`);
  }

  #requestIdOf(fields: Fields): string {
    return fields.text('id') ?? this.#nextId();
  }

  #nextId(): string {
    return `c${(this.#ids++).toString(36)}`;
  }
}

/** The gate of a session's reads, which it has while there are any. */
export function gateOf(session: Session, admission: ReadAdmission): ReadGate {
  return new ReadGate({
    admission,
    nextRead: () => ++session.lastRead,
    readerOf: (read, subject) => {
      const own = session.budget.reads;
      const buckets = session.userBudget === undefined ? [own] : [own, session.userBudget.reads];
      return { key: readKey(session.number, read), buckets, subject };
    },
  });
}

/** The client id of the request: the one in the message, else the only one that the session has bound. */
function clientIdOf(session: Session, fields: Fields): string | undefined {
  const clientId = fields.text('clientId');
  if (clientId !== undefined && clientId.length <= 256) return clientId;
  const bound = session.awareness?.clientIds;
  if (bound?.size !== 1) return undefined;
  for (const only of bound.keys()) return only;
  return undefined;
}
