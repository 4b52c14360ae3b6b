/**
 * Every error that the server sends to clients, in one table. docs/errors.md is generated from it, and a test fails
 * when the two differ. The sentences are part of the protocol: clients match on them.
 */

export interface ErrorKind {
  /** The start of the text that a client gets. The text never contains payload. */
  readonly sentence: string;
  /** Whether the same message may succeed later. */
  readonly retryable: boolean;
  /** WebSocket close code, if the connection is closed with this error. */
  readonly closeCode?: number;
  /** Whether it is an answer to HTTP requests only, and no part of the protocol. */
  readonly isOfHttp?: true;
  /** When it is sent; for the documentation. */
  readonly meaning: string;
}

/** By code. */
export const errorTable = {
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
    meaning: 'A message, a chunk set or an awareness state exceeds its limit.',
  },
  AUTH_REQUIRED: {
    sentence: 'Not authenticated',
    retryable: false,
    closeCode: 1008,
    meaning:
      'The message needs an authenticated connection. The connection is closed only if it does not authenticate in time.',
  },
  AUTH_FAILED: {
    sentence: 'Authentication failed',
    retryable: false,
    closeCode: 1008,
    meaning: 'The token is malformed, has a wrong signature or invalid claims, or is missing.',
  },
  TOKEN_EXPIRED: {
    sentence: 'Token expired',
    retryable: false,
    closeCode: 1008,
    meaning: 'The token had expired when it was sent, or expired during the session without being renewed.',
  },
  TOKEN_REVOKED: {
    sentence: 'Token revoked',
    retryable: false,
    closeCode: 4401,
    meaning: 'The token was revoked, or the user has signed out. Sign in again.',
  },
  ACCESS_ENDED: {
    sentence: 'Access ended',
    retryable: false,
    closeCode: 4403,
    meaning:
      'The user is disabled or removed, the API key is revoked or expired, or the application does not let the user in any more.',
  },
  DISCONNECTED: {
    sentence: 'Disconnected by an administrator',
    retryable: true,
    closeCode: 4001,
    meaning: 'An administrator has ended the connections of the user, or those to a document. Connect again.',
  },
  AUTH_UNAVAILABLE: {
    sentence: 'Authentication unavailable',
    retryable: true,
    closeCode: 1013,
    meaning:
      'The credentials, or the access to a document, can’t be checked at the moment: the keys of the identity provider, the accounts or the application can’t be reached, or too many are being checked. The connection is closed only if it is not authenticated.',
  },
  PERMISSION_DENIED: {
    sentence: 'Permission denied',
    retryable: false,
    meaning:
      'The session may not read or write the document, the client id belongs to another user, or an operation names another document than its message.',
  },
  INVALID_DOCUMENT_ID: {
    sentence: 'Invalid document ID',
    retryable: false,
    meaning: 'The document id is invalid. It must have 1–256 characters of A–Z a–z 0–9 _ : -',
  },
  INVALID_DELTA: {
    sentence: 'Invalid delta message',
    retryable: false,
    meaning: 'The delta or one of its operations is malformed or not supported. Nothing of the message was applied.',
  },
  VALIDATION_FAILED: {
    sentence: 'Validation failed',
    retryable: false,
    meaning:
      'A rule of the operator (SCHEMA_DIR) or the application (VALIDATE_URL) forbids what the message writes. The sentence says which field and why. Nothing of the message was applied.',
  },
  VALIDATION_UNAVAILABLE: {
    sentence: 'Validation unavailable',
    retryable: true,
    meaning:
      'The application that decides about writes (VALIDATE_URL) does not answer. Nothing of the message was applied.',
  },
  DOCUMENT_NOT_FOUND: {
    sentence: 'Document not found',
    retryable: false,
    isOfHttp: true,
    meaning: 'Nothing was ever written to the document. HTTP only: over a WebSocket, such a document is an empty one.',
  },
  DOCUMENT_DELETED: {
    sentence: 'Document deleted',
    retryable: false,
    meaning:
      'The document is deleted. Who was subscribed to it gets this once, and no updates any more; until it is restored, all that is asked of it gets this, over HTTP with status 404.',
  },
  TEXT_ERASED: {
    sentence: 'Text erased',
    retryable: false,
    meaning:
      'The document was erased, and takes no collaborative text any more: an old state of the text, from a client that was away, would bring all of it back. Nothing of the message was applied.',
  },
  HISTORY_OFF: {
    ...{ sentence: 'No history', retryable: false, isOfHttp: true },
    meaning: 'The history of the document is not kept (HISTORY_PREFIXES). HTTP only.',
  },
  HISTORY_NOT_KEPT: {
    ...{ sentence: 'History not kept', retryable: false, isOfHttp: true },
    meaning: 'The time lies before what is kept of the history of the document (HISTORY_MAX_AGE). HTTP only.',
  },
  HISTORY_TOO_LARGE: {
    ...{ sentence: 'History too large', retryable: false, isOfHttp: true },
    meaning: 'A rollback would read or write too much. A later time, or fewer fields, may do. HTTP only.',
  },
  SNAPSHOT_NOT_FOUND: {
    ...{ sentence: 'Snapshot not found', retryable: false, isOfHttp: true },
    meaning: 'There is no snapshot with this id; it may have been removed with its age or number. HTTP only.',
  },
  NO_SNAPSHOTS: {
    sentence: 'No snapshots found',
    retryable: false,
    isOfHttp: true,
    meaning: 'The document has no snapshot. HTTP only.',
  },
  CURSOR_EXPIRED: {
    sentence: 'Cursor expired',
    retryable: false,
    isOfHttp: true,
    meaning:
      'Changes behind the cursor may have been removed from the feed, or were not recorded. Ask for `cursor=now`, list all documents anew, and go on from there. HTTP only.',
  },
  SNAPSHOTS_FULL: {
    sentence: 'No room for snapshots',
    retryable: false,
    isOfHttp: true,
    meaning:
      'All snapshots together, or this one alone, would have more bytes than they may: SYNCKIT_SNAPSHOT_MAX_BYTES and SYNCKIT_SNAPSHOT_MAX_DOCUMENT_BYTES. HTTP only.',
  },
  PRECONDITION_FAILED: {
    sentence: 'Precondition failed',
    retryable: false,
    isOfHttp: true,
    meaning:
      'The document is not in the state that `If-Match` or `If-None-Match` asks for. Nothing was written. HTTP only.',
  },
  INVALID_REQUEST: {
    sentence: 'Invalid request',
    retryable: false,
    isOfHttp: true,
    meaning: 'The path, the query, a header or the body of an HTTP request is not what the route takes. HTTP only.',
  },
  NOT_FOUND: {
    sentence: 'Not found',
    retryable: false,
    isOfHttp: true,
    meaning: 'There is no such route, or the thing that it names does not exist. HTTP only.',
  },
  METHOD_NOT_ALLOWED: {
    sentence: 'Method not allowed',
    retryable: false,
    isOfHttp: true,
    meaning: 'The route has other methods: `Allow` names them. HTTP only.',
  },
  UNSUPPORTED_MEDIA_TYPE: {
    sentence: 'Unsupported media type',
    retryable: false,
    isOfHttp: true,
    meaning: 'The route takes no body of this `Content-Type`. HTTP only.',
  },
  IDEMPOTENCY_KEY_REUSED: {
    sentence: 'Idempotency-Key used for another request',
    retryable: false,
    isOfHttp: true,
    meaning: 'The same `Idempotency-Key` came with another method, path or body before. HTTP only.',
  },
  DOCUMENT_TOO_LARGE: {
    sentence: 'Document too large',
    retryable: false,
    meaning:
      'The document would exceed its limit of fields or bytes, or its text the limit of a text. Nothing of the message was applied, except texts before that one.',
  },
  RATE_LIMIT_EXCEEDED: {
    sentence: 'Too many messages',
    retryable: true,
    meaning:
      'The session exceeds a limit: messages per minute, bytes per second, subscriptions, waiting reads, client ids, awareness states, or unfinished chunk sets; or the node is overloaded. `details.retryAfterMs` says when the same message is within a limit of a rate.',
  },
  STORAGE_UNAVAILABLE: {
    sentence: 'Storage unavailable',
    retryable: true,
    meaning:
      'The document could not be loaded, or too many writes wait for storage. Nothing of the message was applied.',
  },
  SHUTTING_DOWN: {
    sentence: 'Server is shutting down',
    retryable: true,
    closeCode: 1012,
    meaning: 'The node is shutting down. Connect again.',
  },
  INTERNAL: {
    sentence: 'Internal error',
    retryable: true,
    meaning: 'A failure of the server, which was logged. The message may be sent again.',
  },
} as const satisfies Record<string, ErrorKind>;
