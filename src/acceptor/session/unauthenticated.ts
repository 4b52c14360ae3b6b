import type { Config } from '../../config/load.js';
import { closeCodes, errors } from '../../errors.js';
import type { AcceptorMetrics } from '../../metrics/acceptor-metrics.js';
import type { Endings, Session } from './session.js';

export interface UnauthenticatedOptions {
  readonly config: Pick<
    Config,
    'maxUnauthenticatedConnections' | 'maxUnauthenticatedBytes' | 'maxPayloadBytes' | 'idleTimeoutSeconds'
  >;
  readonly metrics: Pick<AcceptorMetrics, 'connectionsRejected'>;
}

/** Time to authenticate while there are so many that they may hold more than their part of the memory, in ms. */
export const CROWDED_MS = 2_000;

/**
 * The sessions that are not authenticated. uWS holds what has come of an unfinished message, up to the largest payload,
 * and does not tell how much that is. So a number of connections is derived from the memory that they may take. A
 * connection that was ended with a close code keeps its message until the client has gone, or uWS gives it up; those are
 * counted too.
 */
export class Unauthenticated implements Endings {
  readonly #options: UnauthenticatedOptions;
  /** Connections that may hold a message of the largest size; as many may be ending. */
  readonly #few: number;
  /** Since when, in ms of the monotonic clock; the longest first. */
  readonly #open = new Map<Session, number>();
  /** Times at which connections were ended that may hold a message, the oldest first. */
  readonly #ended: number[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: UnauthenticatedOptions) {
    this.#options = options;
    const { maxUnauthenticatedBytes, maxPayloadBytes } = options.config;
    this.#few = Math.max(1, Math.floor(maxUnauthenticatedBytes / maxPayloadBytes / 2));
  }

  /** Open connections that are not authenticated. */
  get size(): number {
    return this.#open.size;
  }

  /** A session has opened without credentials. The one that has been so for longest is closed when it is one too many. */
  add(session: Session): void {
    session.endings = this;
    this.#open.set(session, performance.now());
    if (this.#open.size > this.#options.config.maxUnauthenticatedConnections) this.#closeOldest();
    if (this.#open.size > this.#few) this.#hurry();
  }

  /** It is authenticated, or has closed. */
  remove(session: Session): void {
    if (this.#open.delete(session)) session.endings = undefined;
  }

  mayLinger(): boolean {
    const now = performance.now();
    const gone = now - this.#options.config.idleTimeoutSeconds * 1_000;
    while ((this.#ended[0] ?? Infinity) <= gone) this.#ended.shift();
    if (this.#ended.length >= this.#few) return false;
    this.#ended.push(now);
    return true;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #closeOldest(): void {
    const [session] = this.#open.keys();
    if (session === undefined) return;
    this.#options.metrics.connectionsRejected('unauthenticated').add(1);
    if (session.isOpen) session.end(closeCodes.policy, errors.AUTH_REQUIRED.sentence, true);
    this.remove(session);
  }

  /** Closes those that are beyond the few and take long. */
  #hurry(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      for (const [session, since] of this.#open) {
        if (this.#open.size <= this.#few || performance.now() - since < CROWDED_MS) break;
        this.remove(session);
        this.#options.metrics.connectionsRejected('unauthenticated').add(1);
        // With a close code, the connection and what it holds would stay.
        if (session.isOpen) session.socket.close();
      }
      if (this.#open.size > this.#few) this.#hurry();
    }, CROWDED_MS / 4);
  }
}
