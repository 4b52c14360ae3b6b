import { isDeepStrictEqual } from 'node:util';
import type { AuditDetails, AuditEvent } from '../../auth/audit.js';
import { compilePermissions, type Access, type Permissions } from '../../auth/permissions.js';
import {
  anonymousIdentity,
  failed,
  type CredentialVerifier,
  type Identity,
  type Verified,
} from '../../auth/identity.js';
import type { SessionAccess, SessionAccessOptions } from '../../auth/access/session-access.js';
import { closeCodes, errors, type ErrorCode } from '../../errors.js';
import type { SampledLog } from '../../log.js';
import type { AcceptorMetrics } from '../../metrics/acceptor-metrics.js';
import { errorBody, quote } from '../../protocol/encode.js';
import type { Fields } from '../../protocol/fields.js';
import type { Credential } from './credential.js';
import { Deadlines } from './parts/deadlines.js';
import type { Session, SessionState } from './session.js';

export interface AuthenticationOptions {
  readonly verifier: CredentialVerifier;
  readonly required: boolean;
  /** Milliseconds within which a connection has to authenticate. */
  readonly timeoutMs: number;
  readonly log: SampledLog;
  readonly metrics: AcceptorMetrics;
  /** The session has this identity from now on; it may allow less than the one before. */
  readonly onIdentity: (session: Session, identity: Identity, access: Access) => void;
  /** Where the application decides: what a session may do. */
  readonly decide?: DecideAccess | undefined;
  /** For the audit log. */
  readonly audit?: Audit;
  /** Makes the messages of a session wait until the function that it returns is called. */
  readonly hold?: (session: Session) => () => void;
}

/** Asks the application about a session; `onChanged` is called when an answer has changed. */
export type DecideAccess = (
  identity: Identity,
  address: string,
  token: Access,
  uses: Pick<SessionAccessOptions, 'onChanged' | 'isInUse'>,
) => SessionAccess;

/** Writes to the audit log. */
export type Audit = (event: AuditEvent, details: AuditDetails) => void;

/** By code, how a refusal is counted. */
const refusals: Partial<Record<ErrorCode, string>> = {
  TOKEN_EXPIRED: 'expired',
  TOKEN_REVOKED: 'revoked',
  ACCESS_ENDED: 'revoked',
  AUTH_UNAVAILABLE: 'unavailable',
};

const anonymous: Verified = Object.freeze({ ok: true, identity: anonymousIdentity });

const connecting: SessionState = Object.freeze({ kind: 'connecting' });

/** Authenticates sessions, and ends those that do not authenticate in time or whose token expires. */
export class Authentication {
  readonly #options: AuthenticationOptions;
  /** Of those that are not authenticated. */
  readonly #unauthenticated = new Deadlines<Session>(
    () => performance.now(),
    (session) => {
      this.#end(session, 'AUTH_REQUIRED');
    },
  );
  /** When tokens end. */
  readonly #ends = new Deadlines<Session>(
    () => Date.now(),
    (session) => {
      this.#end(session, 'TOKEN_EXPIRED');
    },
  );
  /** What permissions mean; many sessions have the same. */
  readonly #compiled = new WeakMap<Permissions, Access>();

  constructor(options: AuthenticationOptions) {
    this.#options = options;
  }

  /** A socket has opened. @param credential From the upgrade request, if it had one. */
  begin(session: Session, credential: Credential | undefined): void {
    const { required, timeoutMs } = this.#options;
    session.become(connecting);
    if (credential !== undefined) this.#verify(session, () => this.#check(credential), false);
    else if (!required) this.#verify(session, () => anonymous, false);
    if (session.state.kind === 'connecting') due(session, this.#unauthenticated, performance.now() + timeoutMs);
  }

  stop(): void {
    this.#unauthenticated.stop();
    this.#ends.stop();
  }

  /** An `auth` message. */
  authenticate(session: Session, fields: Fields): void {
    const [token, key] = [fields.text('token'), fields.text('apiKey')];
    if (token !== undefined && token !== '') this.#show(session, { kind: 'token', text: token });
    else if (key !== undefined && key !== '') this.#show(session, { kind: 'key', text: key });
    else if (session.state.kind === 'authenticated') this.#welcome(session, session.state.identity);
    else this.#refuse(session, 'AUTH_FAILED');
  }

  /**
   * Something has changed that an authenticated session rests on: it ends, or goes on with other permissions. What it
   * is subscribed to and may read no longer is told to it, document by document.
   */
  settle(session: Session, verdict: Verified): void {
    const { state } = session;
    if (state.kind !== 'authenticated') return;
    if (!verdict.ok) {
      this.#audit('access_ended', session, state.identity.userId, verdict.code);
      this.#end(session, verdict.code);
      return;
    }
    const { identity } = verdict;
    if (isDeepStrictEqual(identity.permissions, state.identity.permissions)) return;
    const compiled = this.#compile(identity.permissions);
    this.#narrow(session, identity, state.access.renew?.(compiled) ?? compiled);
  }

  #narrow(session: Session, identity: Identity, access: Access): void {
    const before = [...session.subscriptions.keys()];
    this.#become(session, identity, access);
    this.#options.onIdentity(session, identity, access);
    const lost = before.filter((documentId) => !session.subscriptions.has(documentId));
    for (const documentId of lost) {
      this.#options.metrics.errors('PERMISSION_DENIED').add(1);
      session.reply('error', errorBody('access', 'PERMISSION_DENIED', { documentId }));
    }
    if (lost.length > 0) this.#audit('access_narrowed', session, identity.userId, undefined);
  }

  #audit(event: AuditEvent, session: Session, userId: string | undefined, reason: string | undefined): void {
    this.#options.audit?.(event, {
      actor: userId,
      address: session.address,
      requestId: `session-${session.number}`,
      reason,
    });
  }

  #show(session: Session, credential: Credential): void {
    this.#verify(session, () => this.#check(credential), true);
  }

  #check({ kind, text }: Credential): Verified | Promise<Verified> {
    const { verifier } = this.#options;
    return kind === 'token' ? verifier.verify(text) : (verifier.verifyKey?.(text) ?? failed);
  }

  /** What the client sends next is handled as if the answer had been known at once. */
  #verify(session: Session, check: () => Verified | Promise<Verified>, answer: boolean): void {
    const { decide, hold } = this.#options;
    const checked = check();
    if (!(checked instanceof Promise) && (!checked.ok || decide === undefined)) {
      this.#decide(session, checked, answer, undefined);
      return;
    }
    const release = hold?.(session);
    void this.#decideLater(session, checked, check, answer).finally(() => release?.());
  }

  /** @param check Once more: what is revoked while the application is asked is told to authenticated sessions alone. */
  async #decideLater(
    session: Session,
    checked: Verified | Promise<Verified>,
    check: () => Verified | Promise<Verified>,
    answer: boolean,
  ): Promise<void> {
    let verified = await checked;
    const access = verified.ok && session.isOpen ? this.#ask(session, verified.identity) : undefined;
    if (access !== undefined) {
      await access.ready(session.subscriptions.keys());
      verified = await check();
      if (verified.ok) access.renew(this.#compile(verified.identity.permissions));
    }
    if (!session.isOpen || session.state.kind === 'draining') {
      access?.close();
      return;
    }
    const mayConnect = access === undefined || access.mayConnect;
    if (verified.ok && mayConnect === true) {
      this.#decide(session, verified, answer, access);
      return;
    }
    access?.close();
    if (!verified.ok) {
      this.#decide(session, verified, answer, undefined);
      return;
    }
    this.#decide(
      session,
      { ok: false, code: mayConnect === false ? 'ACCESS_ENDED' : 'AUTH_UNAVAILABLE' },
      answer,
      undefined,
    );
  }

  #ask(session: Session, identity: Identity): SessionAccess | undefined {
    const onChanged = (): void => {
      const { state } = session;
      if (access === undefined || state.kind !== 'authenticated' || state.access !== access) return;
      // While it is not known, nothing changes for those who are connected.
      if (access.mayConnect === false) this.settle(session, { ok: false, code: 'ACCESS_ENDED' });
      else this.#narrow(session, state.identity, access);
    };
    const isInUse = (documentId: string): boolean =>
      session.subscriptions.has(documentId) || session.awareness?.documents.has(documentId) === true;
    const token = this.#compile(identity.permissions);
    const access = this.#options.decide?.(identity, session.address, token, { onChanged, isInUse });
    return access;
  }

  #decide(session: Session, verified: Verified, answer: boolean, access: Access | undefined): void {
    if (!verified.ok) {
      this.#refuse(session, verified.code);
      return;
    }
    const { identity } = verified;
    this.#accept(session, identity, access ?? this.#compile(identity.permissions));
    if (answer) this.#welcome(session, identity);
  }

  #accept(session: Session, identity: Identity, access: Access): void {
    this.#become(session, identity, access);
    this.#options.metrics.authentications(identity === anonymousIdentity ? 'anonymous' : 'accepted').add(1);
    this.#options.onIdentity(session, identity, access);
  }

  #become(session: Session, identity: Identity, access: Access): void {
    session.become({ kind: 'authenticated', identity, access });
    session.early = undefined;
    if (identity.expiresAt !== undefined) due(session, this.#ends, identity.expiresAt);
  }

  #compile(permissions: Permissions): Access {
    const known = this.#compiled.get(permissions);
    if (known !== undefined) return known;
    const access = compilePermissions(permissions);
    this.#compiled.set(permissions, access);
    return access;
  }

  #welcome(session: Session, { userId, permissions }: Identity): void {
    const body = `"id":"auth","userId":${quote(userId)},"permissions":${JSON.stringify(permissions)}`;
    session.reply('auth_success', body);
  }

  #refuse(session: Session, code: ErrorCode): void {
    const body = `"id":"auth","error":${quote(errors[code].sentence)},"details":${JSON.stringify({ code })}`;
    this.#options.metrics.authentications(refusals[code] ?? 'failed').add(1);
    this.#options.metrics.errors(code).add(1);
    session.reply('auth_error', body);
    const { number, address } = session;
    this.#options.log.sampled('info', { session: number, address, code }, 'authentication refused');
    this.#audit('credentials_refused', session, undefined, code);
    session.end(errors[code].closeCode ?? closeCodes.policy, errors[code].sentence);
  }

  #end(session: Session, code: ErrorCode): void {
    if (!session.isOpen) return;
    this.#options.metrics.authentications(refusals[code] ?? 'timeout').add(1);
    this.#options.metrics.errors(code).add(1);
    session.reply('error', errorBody('auth', code, {}));
    session.end(errors[code].closeCode ?? closeCodes.policy, errors[code].sentence, true);
  }
}

/** Gives the state of a session a deadline, which ends with the state. @param at In ms of the clock of the deadlines. */
function due(session: Session, deadlines: Deadlines<Session>, at: number): void {
  session.deadlines = deadlines;
  deadlines.add(session, at);
}
