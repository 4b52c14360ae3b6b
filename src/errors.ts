/**
 * Every error a client can be sent, in one table. `docs/errors.md` is generated from it, and a test fails when the two
 * disagree. The first words of the sentences are part of the protocol: clients match on them.
 */

export interface ErrorKind {
  /** What a client reads; never contains payloads. */
  readonly sentence: string;
  /** Whether the same message may succeed later. */
  readonly retryable: boolean;
  /** WebSocket close code, when the connection ends with this error. */
  readonly closeCode?: number;
  /** For the documentation: when it is sent. */
  readonly meaning: string;
}

const table = {
  INVALID_MESSAGE: {
    sentence: 'Invalid message format',
    retryable: false,
    meaning: 'The frame is not a message of the protocol, or a field of it has the wrong type.',
  },
  UNKNOWN_TYPE: {
    sentence: 'Invalid message format: unknown type',
    retryable: false,
    meaning: 'The type code or name is not one that clients may send.',
  },
  MESSAGE_TOO_LARGE: {
    sentence: 'Message too large',
    retryable: false,
    meaning: 'A message, a set of chunks, or an awareness state is over its limit.',
  },
  AUTH_REQUIRED: {
    sentence: 'Not authenticated',
    retryable: false,
    closeCode: 1008,
    meaning:
      'The message needs an authenticated connection. The connection ends only when the time to authenticate is over.',
  },
  AUTH_FAILED: {
    sentence: 'Authentication failed',
    retryable: false,
    closeCode: 1008,
    meaning: 'The token is malformed, wrongly signed, or meant for somebody else.',
  },
  TOKEN_EXPIRED: {
    sentence: 'Token expired',
    retryable: false,
    closeCode: 1008,
    meaning: 'The token was expired when it was shown, or expired during the session without being renewed.',
  },
  PERMISSION_DENIED: {
    sentence: 'Permission denied',
    retryable: false,
    meaning:
      'The session may not read or write the document, or speak for the client id, or an operation names another document than its message.',
  },
  INVALID_DOCUMENT_ID: {
    sentence: 'Invalid document ID',
    retryable: false,
    meaning: 'A document id has 1–256 characters of A–Z a–z 0–9 _ : -',
  },
  INVALID_DELTA: {
    sentence: 'Invalid delta message',
    retryable: false,
    meaning: 'The delta or one of its operations is malformed or not supported; nothing of the message was applied.',
  },
  DOCUMENT_TOO_LARGE: {
    sentence: 'Document too large',
    retryable: false,
    meaning: 'The write would take the document over its limit of fields or bytes; nothing of the message was applied.',
  },
  RATE_LIMIT_EXCEEDED: {
    sentence: 'Too many messages',
    retryable: true,
    meaning:
      'The session is over a limit: messages per minute, subscriptions, client ids or unfinished chunk sets; or the node holds as much unfinished work as it may.',
  },
  STORAGE_UNAVAILABLE: {
    sentence: 'Storage unavailable',
    retryable: true,
    meaning: 'The document could not be loaded, or too much waits to be written. Nothing of the message was applied.',
  },
  SHUTTING_DOWN: {
    sentence: 'Server is shutting down',
    retryable: true,
    closeCode: 1012,
    meaning: 'The node drains; connect again.',
  },
  INTERNAL: {
    sentence: 'Internal error',
    retryable: true,
    meaning: 'A failure of the server; it was logged. The write may be sent again.',
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof table;

export const errors: Readonly<Record<ErrorCode, ErrorKind>> = table;

/** Close codes that are used without an error message before them. */
export const closeCodes = {
  /** Policy: authentication failed or did not come in time, too many connections from one address. */
  policy: 1008,
  /** The server restarts: connect again. */
  restart: 1012,
  /** The server is over capacity: connect again later. */
  tryLater: 1013,
} as const;

/** The limits whose being exceeded is answered with RATE_LIMIT_EXCEEDED. */
export const limitNames = ['messages', 'subscriptions', 'reads', 'awareness', 'chunks', 'queue'] as const;

export type LimitName = (typeof limitNames)[number];

/** A refusal that carries its code; thrown by parsers and caught at the door. */
export class ProtocolError extends Error {
  override readonly name: string = 'ProtocolError';

  /** @param detail Said after the sentence of the code; must not hold payload. */
  constructor(
    readonly code: ErrorCode,
    detail?: string,
  ) {
    super(detail === undefined ? errors[code].sentence : `${errors[code].sentence}: ${detail}`);
  }
}

/** RATE_LIMIT_EXCEEDED, and of which limit. */
export class LimitError extends ProtocolError {
  override readonly name = 'LimitError';

  constructor(
    readonly limit: LimitName,
    detail?: string,
  ) {
    super('RATE_LIMIT_EXCEEDED', detail);
  }
}
