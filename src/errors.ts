/** What is thrown where a message or a request is refused, and the limits and close codes that go with it. */
import { errorTable, type ErrorKind } from './error-codes.js';

export type ErrorCode = keyof typeof errorTable;

export const errors: Readonly<Record<ErrorCode, ErrorKind>> = errorTable;

/** Close codes that are used without a preceding error message. */
export const closeCodes = {
  /** Policy: authentication failed or took too long, too many connections from one address, or too many refusals. */
  policy: 1008,
  /** The server restarts: connect again. */
  restart: 1012,
  /** The server is over capacity: connect again later. */
  tryLater: 1013,
  /** An administrator has ended the connection: connect again. */
  disconnected: 4001,
  /** Sign in again. Codes from 4400 on mean: do not connect again without doing something about it. */
  signIn: 4401,
  /** No longer allowed. */
  forbidden: 4403,
} as const;

/** The limits that are reported with RATE_LIMIT_EXCEEDED. */
export const limitNames = [
  'messages',
  'bytes',
  'subscriptions',
  'reads',
  'awareness',
  'chunks',
  'queue',
  'held',
  'fanOut',
  'streams',
] as const;

export type LimitName = (typeof limitNames)[number];

/** A message is refused with this code. Thrown by parsers and handlers; the router turns it into an error message. */
export class ProtocolError extends Error {
  override readonly name: string = 'ProtocolError';

  /** @param detail Appended to the sentence of the code; must not contain payload. */
  constructor(
    readonly code: ErrorCode,
    detail?: string,
  ) {
    super(detail === undefined ? errors[code].sentence : `${errors[code].sentence}: ${detail}`);
  }
}

/** RATE_LIMIT_EXCEEDED, with the limit that was exceeded. */
export class LimitError extends ProtocolError {
  override readonly name = 'LimitError';

  /** @param retryAfterMs Time after which the same message is within the limit, where that is known. */
  constructor(
    readonly limit: LimitName,
    detail?: string,
    readonly retryAfterMs?: number,
  ) {
    super('RATE_LIMIT_EXCEEDED', detail);
  }
}

/** What was refused by a frame, from a shard mostly, and was counted when that was made. */
export class RefusedError extends ProtocolError {
  override readonly name = 'RefusedError';

  /** @param sentence Of the refusal. @param retryAfterMs As for `LimitError`. */
  constructor(
    code: ErrorCode,
    sentence: string,
    readonly retryAfterMs?: number,
  ) {
    super(code);
    this.message = sentence;
  }
}
