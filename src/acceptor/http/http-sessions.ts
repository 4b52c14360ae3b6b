import type { Identity } from '../../auth/identity.js';
import { compilePermissions } from '../../auth/permissions.js';
import { errors, ProtocolError, RefusedError, type ErrorCode } from '../../errors.js';
import type { AcceptorMetrics } from '../../metrics/acceptor-metrics.js';
import type { Authentication } from '../session/authentication.js';
import type { Credential } from '../session/credential.js';
import { SessionMeter } from '../session/limits/session-meter.js';
import type { Session, SessionParts } from '../session/session.js';
import type { Sessions } from '../session/sessions.js';
import type { Outgoing } from '../fan-out/outgoing.js';
import type { Topics } from '../fan-out/topics.js';
import type { AddressBudgets } from './address-budgets.js';
import { HttpSession, socketOf, type StreamSocket } from './http-session.js';
import { refusalOf } from './refusal.js';

const ownIdentity: Identity = { userId: 'server', permissions: { canRead: [], canWrite: [], isAdmin: true } };
const ownAccess = compilePermissions(ownIdentity.permissions);

/** Who sends a request. */
export interface Sender {
  readonly address: string;
  /** Undefined where it shows none. */
  readonly credential: Credential | undefined;
}

export interface HttpSessionsOptions {
  readonly authentication: Pick<Authentication, 'begin'>;
  readonly sessions: Pick<Sessions, 'nextNumber' | 'remove'>;
  readonly topics: Pick<Topics, 'leaveAll'>;
  readonly outgoing: Pick<Outgoing, 'measure'>;
  readonly metrics: AcceptorMetrics;
  readonly budgets: AddressBudgets;
}

/** How a session is made: of a request, or of a stream. */
export type MakeSession<S extends HttpSession> = (number: number, address: string, parts: SessionParts) => S;

/** The sessions of HTTP requests in progress and of streams of events. They are not counted as connections. */
export class HttpSessions {
  readonly #options: HttpSessionsOptions;
  readonly #open = new Map<number, HttpSession>();
  readonly #meter: SessionMeter;

  constructor(options: HttpSessionsOptions) {
    this.#options = options;
    this.#meter = new SessionMeter(options.metrics);
  }

  find(number: number): HttpSession | undefined {
    return this.#open.get(number);
  }

  /** All of them, live. */
  values(): IterableIterator<Session> {
    return this.#open.values();
  }

  /**
   * Opens a session and authenticates it.
   *
   * @throws ProtocolError With the code of the refusal; then the session is closed.
   */
  async open<S extends HttpSession>(
    { address, credential }: Sender,
    make: MakeSession<S>,
    streamOf?: (session: S) => StreamSocket,
  ): Promise<S> {
    const { authentication, sessions } = this.#options;
    const session = make(sessions.nextNumber(), address, this.#partsFor(address));
    this.#open.set(session.number, session);
    session.open(socketOf(session, streamOf?.(session)), { kind: 'draining' });
    try {
      await new Promise<void>((resolve, reject) => {
        let refusal: ErrorCode | undefined;
        session.listen({
          onFrame: (frame) => {
            refusal = refusalOf(frame).code;
          },
          onState: () => {
            if (session.state.kind === 'authenticated') resolve();
          },
          onEnd: () => {
            reject(refusal === undefined ? new ProtocolError('AUTH_REQUIRED') : told(refusal));
          },
        });
        authentication.begin(session, credential);
        // Nothing is being checked, and nothing more will come.
        if (session.state.kind === 'connecting' && credential === undefined) reject(new ProtocolError('AUTH_REQUIRED'));
      });
    } catch (error) {
      this.close(session);
      throw error;
    }
    return session;
  }

  /** A session of the server itself, which may do everything. */
  openOwn(): HttpSession {
    const { sessions } = this.#options;
    const session = new HttpSession(sessions.nextNumber(), '', this.#partsFor(''));
    this.#open.set(session.number, session);
    session.open(socketOf(session), { kind: 'draining' });
    session.become({ kind: 'authenticated', identity: ownIdentity, access: ownAccess });
    return session;
  }

  #partsFor(address: string): SessionParts {
    const budget = this.#options.budgets.of(address, performance.now());
    return { meter: this.#meter, budgets: { ofSession: () => budget } };
  }

  close(session: HttpSession): void {
    if (!this.#open.delete(session.number)) return;
    session.listen({ onFrame: () => undefined, onState: () => undefined, onEnd: () => undefined });
    session.become({ kind: 'closed' });
    session.reads?.close();
    session.held?.clear();
    // Nothing waits for it any more.
    this.#options.outgoing.measure(session);
    this.#options.topics.leaveAll(session);
    this.#options.sessions.remove(session);
  }
}

function told(code: ErrorCode): RefusedError {
  return new RefusedError(code, errors[code].sentence);
}
