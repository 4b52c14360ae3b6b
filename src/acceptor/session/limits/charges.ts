import { LimitError, type ErrorCode, type LimitName, type ProtocolError } from '../../../errors.js';
import type { ClientType } from '../../../protocol/codes.js';
import type { Session } from '../session.js';
import type { TokenBucket } from './token-bucket.js';

export interface ChargesOptions {
  /** Messages of a session before it is authenticated. */
  readonly maxMessagesBeforeAuth: number;
  /** Bytes of them, all together. */
  readonly maxBytesBeforeAuth: number;
}

/** Why a session is disconnected for what it sent. */
export type Misuse = 'unauthenticated' | 'refusals';

/** What any message costs besides its bytes, in bytes. */
const MESSAGE_BYTES = 256;
/** A message that is parsed on the acceptor counts once more for so many bytes of it. */
const PARSED_BYTES = 1_024;
/** An `auth` message counts as so many: its token is verified, and all rights of the session are looked at. */
const AUTH_MESSAGES = 50;
/** An `ack`, a `pong` or a `connect` has no more bytes than that; such messages count by their bytes alone. */
const MAX_FREE_BYTES = 4_096;

/** Charges the messages of a session to its budget and to that of its user. */
export class Charges {
  readonly #options: ChargesOptions;

  constructor(options: ChargesOptions) {
    this.#options = options;
  }

  /**
   * Charges a message by what it costs the acceptor, whatever becomes of it.
   *
   * @param type Undefined for one that is malformed.
   * @param now Milliseconds of the monotonic clock.
   * @returns The limit that it is over; then it must be refused.
   */
  charge(session: Session, type: ClientType | undefined, bytes: number, now: number): LimitError | undefined {
    const { budget, userBudget } = session;
    const size = bytes + MESSAGE_BYTES;
    const messages = messagesOf(type, bytes);
    return (
      take('bytes', budget.received, now, size) ??
      take('messages', budget.messages, now, messages) ??
      (userBudget &&
        (take('bytes', userBudget.received, now, size) ?? take('messages', userBudget.messages, now, messages)))
    );
  }

  /**
   * Charges a write for what it costs to send it to the subscribers of its document. It may be larger than what is left,
   * as otherwise nobody could write something large to many; then the next one waits.
   *
   * @param now Milliseconds of the monotonic clock.
   * @returns The limit that earlier ones are over; then it must be refused.
   */
  fanOut({ budget, userBudget }: Session, bytes: number, subscribers: number, now: number): LimitError | undefined {
    const { fanOut } = userBudget ?? budget;
    const waitMs = fanOut.waitMs(now);
    if (waitMs > 0) return new LimitError('fanOut', 'too many bytes to too many subscribers', waitMs);
    fanOut.charge(now, (bytes + MESSAGE_BYTES) * subscribers);
    return undefined;
  }

  /** Charges a session that is not authenticated. @returns False when it has sent too much and must be disconnected. */
  beforeAuth(session: Session, bytes: number): boolean {
    const early = (session.early ??= { messages: 0, bytes: 0 });
    early.messages++;
    early.bytes += bytes;
    const { maxMessagesBeforeAuth, maxBytesBeforeAuth } = this.#options;
    return early.messages <= maxMessagesBeforeAuth && early.bytes <= maxBytesBeforeAuth;
  }

  /** Bytes of messages that may wait while the credentials of a session are checked; undefined once they are known. */
  heldBytesOf({ state }: Session): number | undefined {
    return state.kind === 'connecting' ? this.#options.maxBytesBeforeAuth : undefined;
  }

  /**
   * A message was refused. @returns False when too many were, and the session must be disconnected.
   *
   * @param now Milliseconds of the monotonic clock.
   */
  refused({ budget }: Session, error: ProtocolError, now: number): boolean {
    if (others.has(error.code)) return true;
    if (error instanceof LimitError && error.limit === 'queue') return true;
    return budget.refusals.take(now);
  }
}

/** What is refused with them is not the client's doing. */
const others: ReadonlySet<ErrorCode> = new Set(['SHUTTING_DOWN', 'AUTH_UNAVAILABLE', 'VALIDATION_UNAVAILABLE']);

function messagesOf(type: ClientType | undefined, bytes: number): number {
  switch (type) {
    case 'ack':
    case 'pong':
    case 'connect':
      return bytes <= MAX_FREE_BYTES ? 0 : bytes / PARSED_BYTES;
    case 'auth':
      return AUTH_MESSAGES + bytes / PARSED_BYTES;
    case 'delta':
    case 'delta_batch':
    case 'delta_batch_chunk':
    case 'ping':
    case undefined:
      return 1;
    default:
      return 1 + bytes / PARSED_BYTES;
  }
}

function take(limit: LimitName, bucket: TokenBucket, now: number, amount: number): LimitError | undefined {
  return bucket.take(now, amount) ? undefined : new LimitError(limit, detailOf(limit), bucket.waitMs(now, amount));
}

function detailOf(limit: LimitName): string | undefined {
  return limit === 'bytes' ? 'too many bytes' : undefined;
}
