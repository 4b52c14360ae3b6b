import type { ErrorCode } from '../../errors.js';
import type { MessageType } from '../../protocol/codes.js';
import { Session, type SessionParts, type SessionSocket, type SessionState } from '../session/session.js';
import { refusalOf } from './refusal.js';

/** What is done with what an HTTP client is sent. */
export interface HttpSessionEvents {
  /** A frame, valid during the call only. */
  readonly onFrame: (frame: Uint8Array, type: MessageType) => void;
  /** Its state has changed. */
  readonly onState: () => void;
  /** It is disconnected: nothing more is sent. */
  readonly onEnd: () => void;
}

/** The session of an HTTP request, or of a stream of events: authenticated, charged and answered like a connection. */
export class HttpSession extends Session {
  #events: HttpSessionEvents = nothing;
  #lastError: ErrorCode | undefined;
  #isEnded = false;

  constructor(number: number, address: string, parts: SessionParts) {
    super(number, address, parts);
    this.encoding = 'json';
    this.supportsBatch = true;
  }

  /** Why the server has ended it, after which nothing is done for it; undefined while it has not. */
  get ending(): ErrorCode | undefined {
    return this.#isEnded ? (this.#lastError ?? 'SHUTTING_DOWN') : undefined;
  }

  /** From now on these are called; nobody was before. */
  listen(events: HttpSessionEvents): void {
    this.#events = events;
  }

  override become(state: SessionState): void {
    super.become(state);
    this.#events.onState();
  }

  override send(frame: Uint8Array, type: MessageType): void {
    if (!this.isOpen) return;
    if (type === 'error') this.#lastError = refusalOf(frame).code;
    this.#events.onFrame(frame, type);
  }

  /** The server has ended its connection. */
  ended(): void {
    this.#isEnded = true;
    this.#events.onEnd();
  }
}

const nothing: HttpSessionEvents = { onFrame: () => undefined, onState: () => undefined, onEnd: () => undefined };

/** Where a request has no stream: it is in no topic, and buffers nothing. */
export function socketOf(session: HttpSession, stream: StreamSocket = noStream): SessionSocket {
  return {
    send: () => 1,
    publish: () => false,
    cork: (action) => {
      action();
    },
    end: () => {
      session.ended();
    },
    close: () => {
      session.ended();
    },
    ...stream,
  };
}

/** The part of a socket that only streams of events have. */
export type StreamSocket = Pick<SessionSocket, 'subscribe' | 'unsubscribe' | 'getBufferedAmount'>;

const noStream: StreamSocket = { subscribe: () => false, unsubscribe: () => false, getBufferedAmount: () => 0 };
