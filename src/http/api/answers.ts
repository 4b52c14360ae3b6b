/** The answers of the HTTP API: a status for each error code, and bodies of JSON. */
import { errors, LimitError, ProtocolError, RefusedError, type ErrorCode } from '../../errors.js';
import type { Answer } from '../answer.js';

const badRequest = '400 Bad Request';
const forbidden = '403 Forbidden';
const notFound = '404 Not Found';
const unprocessable = '422 Unprocessable Content';
const tooLarge = '413 Payload Too Large';
const unauthorized = '401 Unauthorized';
const unavailable = '503 Service Unavailable';

const statuses: Readonly<Record<ErrorCode, string>> = {
  INVALID_MESSAGE: badRequest,
  UNKNOWN_TYPE: badRequest,
  INVALID_DOCUMENT_ID: badRequest,
  INVALID_DELTA: badRequest,
  INVALID_REQUEST: badRequest,
  MESSAGE_TOO_LARGE: tooLarge,
  DOCUMENT_TOO_LARGE: tooLarge,
  AUTH_REQUIRED: unauthorized,
  AUTH_FAILED: unauthorized,
  TOKEN_EXPIRED: unauthorized,
  TOKEN_REVOKED: unauthorized,
  ACCESS_ENDED: forbidden,
  PERMISSION_DENIED: forbidden,
  DOCUMENT_NOT_FOUND: notFound,
  DOCUMENT_DELETED: notFound,
  TEXT_ERASED: '409 Conflict',
  NOT_FOUND: notFound,
  HISTORY_OFF: notFound,
  HISTORY_NOT_KEPT: '410 Gone',
  HISTORY_TOO_LARGE: unprocessable,
  SNAPSHOT_NOT_FOUND: notFound,
  NO_SNAPSHOTS: notFound,
  CURSOR_EXPIRED: '410 Gone',
  SNAPSHOTS_FULL: '507 Insufficient Storage',
  METHOD_NOT_ALLOWED: '405 Method Not Allowed',
  VALIDATION_FAILED: unprocessable,
  PRECONDITION_FAILED: '412 Precondition Failed',
  UNSUPPORTED_MEDIA_TYPE: '415 Unsupported Media Type',
  IDEMPOTENCY_KEY_REUSED: unprocessable,
  RATE_LIMIT_EXCEEDED: '429 Too Many Requests',
  DISCONNECTED: unavailable,
  AUTH_UNAVAILABLE: unavailable,
  VALIDATION_UNAVAILABLE: unavailable,
  STORAGE_UNAVAILABLE: unavailable,
  SHUTTING_DOWN: unavailable,
  INTERNAL: '500 Internal Server Error',
};

/** What is refused with a code: its sentence and the code itself. */
export function refusal(code: ErrorCode, sentence: string = errors[code].sentence, retryAfterMs?: number): Answer {
  const status = statuses[code];
  const headers: [string, string][] = [];
  if (status === unauthorized) headers.push(['WWW-Authenticate', 'Bearer']);
  if (errors[code].retryable && code !== 'INTERNAL') {
    headers.push(['Retry-After', String(Math.max(1, Math.ceil((retryAfterMs ?? 1_000) / 1_000)))]);
  }
  return { status, headers, body: { error: sentence, code }, uncounted: code };
}

/** The answer to what was thrown; undefined for what is no refusal. */
export function refusalFor(error: unknown): Answer | undefined {
  if (!(error instanceof ProtocolError)) return undefined;
  if (error instanceof RefusedError) {
    return { ...refusal(error.code, error.message, error.retryAfterMs), uncounted: undefined };
  }
  return refusal(error.code, error.message, error instanceof LimitError ? error.retryAfterMs : undefined);
}

export const noContent: Answer = { status: '204 No Content' };
