import { errors, type ErrorCode } from '../../errors.js';

/** What an error frame says. @param frame JSON, written by this server. */
export function refusalOf(frame: Uint8Array): {
  readonly code: ErrorCode;
  readonly sentence: string;
  readonly retryAfterMs?: number | undefined;
} {
  const { error, details } = JSON.parse(Buffer.from(frame).toString()) as {
    readonly error: string;
    readonly details?: { readonly code?: ErrorCode; readonly retryAfterMs?: number };
  };
  const code = details?.code !== undefined && details.code in errors ? details.code : 'INTERNAL';
  return { code, sentence: error, retryAfterMs: details?.retryAfterMs };
}
