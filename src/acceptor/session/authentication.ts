import type { HttpRequest } from 'uWebSockets.js';
import { compilePermissions, type Access } from '../../auth/permissions.js';
import { anonymousIdentity, type Identity, type TokenVerifier } from '../../auth/tokens.js';
import { closeCodes, errors, type ErrorCode } from '../../errors.js';
import type { SampledLog } from '../../log.js';
import type { AcceptorMetrics } from '../../metrics/acceptor-metrics.js';
import { errorBody, quote } from '../../protocol/encode.js';
import type { Fields } from '../../protocol/fields.js';
import type { Session } from './session.js';

export interface AuthenticationOptions {
  readonly verifier: TokenVerifier;
  readonly required: boolean;
  /** Milliseconds within which a connection has to authenticate. */
  readonly timeoutMs: number;
  readonly log: SampledLog;
  readonly metrics: AcceptorMetrics;
  /** The session has this identity from now on; it may allow less than the one before. */
  readonly onIdentity: (session: Session, identity: Identity, access: Access) => void;
}

/** Longest delay of a timer; for a later expiry the timer is started again. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Authenticates sessions, and ends those that do not authenticate in time or whose token expires. */
export class Authentication {
  readonly #options: AuthenticationOptions;

  constructor(options: AuthenticationOptions) {
    this.#options = options;
  }

  /** A socket has opened. @param token From the upgrade request, if it had one. */
  begin(session: Session, token: string | undefined): void {
    const { required, timeoutMs } = this.#options;
    const deadline = setTimeout(() => {
      this.#end(session, 'AUTH_REQUIRED');
    }, timeoutMs);
    session.become({ kind: 'connecting', deadline });
    if (token !== undefined) this.#verify(session, token, false);
    else if (!required) this.#accept(session, anonymousIdentity);
  }

  /** An `auth` message. */
  authenticate(session: Session, fields: Fields): void {
    const token = fields.text('token');
    if (token !== undefined && token !== '') this.#verify(session, token, true);
    else if (session.state.kind === 'authenticated') this.#welcome(session, session.state.identity);
    else this.#refuse(session, 'AUTH_FAILED');
  }

  #verify(session: Session, token: string, answer: boolean): void {
    const result = this.#options.verifier.verify(token);
    if (!result.ok) {
      this.#refuse(session, result.code);
      return;
    }
    this.#accept(session, result.identity);
    if (answer) this.#welcome(session, result.identity);
  }

  #accept(session: Session, identity: Identity): void {
    const { expiresAt } = identity;
    const access = compilePermissions(identity.permissions);
    session.become({
      kind: 'authenticated',
      identity,
      access,
      expiry: expiresAt === undefined ? undefined : this.#expireAt(session, expiresAt),
    });
    this.#options.metrics.authentications(identity === anonymousIdentity ? 'anonymous' : 'accepted').add(1);
    this.#options.onIdentity(session, identity, access);
  }

  #expireAt(session: Session, expiresAt: number): NodeJS.Timeout {
    const expire = (): void => {
      if (Date.now() >= expiresAt) this.#end(session, 'TOKEN_EXPIRED');
      else if (session.state.kind === 'authenticated') {
        session.become({ ...session.state, expiry: this.#expireAt(session, expiresAt) });
      }
    };
    return setTimeout(expire, Math.min(MAX_TIMER_MS, Math.max(0, expiresAt - Date.now())));
  }

  #welcome(session: Session, { userId, permissions }: Identity): void {
    const body = `"id":"auth","userId":${quote(userId)},"permissions":${JSON.stringify(permissions)}`;
    session.reply('auth_success', body);
  }

  #refuse(session: Session, code: ErrorCode): void {
    const body = `"id":"auth","error":${quote(errors[code].sentence)},"details":${JSON.stringify({ code })}`;
    this.#options.metrics.authentications(code === 'TOKEN_EXPIRED' ? 'expired' : 'failed').add(1);
    this.#options.metrics.errors(code).add(1);
    session.reply('auth_error', body);
    const { number, address } = session;
    this.#options.log.sampled('info', { session: number, address, code }, 'authentication refused');
    session.socket.end(closeCodes.policy, errors[code].sentence);
  }

  #end(session: Session, code: ErrorCode): void {
    if (!session.isOpen) return;
    this.#options.metrics.authentications(code === 'TOKEN_EXPIRED' ? 'expired' : 'timeout').add(1);
    this.#options.metrics.errors(code).add(1);
    session.reply('error', errorBody('auth', code, {}));
    session.socket.end(closeCodes.policy, errors[code].sentence);
  }
}

/** The token of an upgrade request: in the query, the only place where browsers can put it, or in a header. */
export function tokenOf(req: HttpRequest): string | undefined {
  const query = req.getQuery('token');
  if (query !== undefined && query !== '') return query;
  return /^bearer +(\S+)$/i.exec(req.getHeader('authorization'))?.[1];
}
