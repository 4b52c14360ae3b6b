/** Sends answers: JSON, with the headers that all answers have. */
import type { HttpResponse } from 'uWebSockets.js';

export interface Answer {
  /** Status code and reason phrase, such as `200 OK`. */
  readonly status: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** Serialised as JSON; undefined for an answer without a body. */
  readonly body?: unknown;
  /** Default: with a charset. */
  readonly contentType?: string;
}

/** No answer may be cached, framed, sniffed or rendered. */
const securityHeaders = [
  ['Cache-Control', 'no-store'],
  ['Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'"],
  ['Referrer-Policy', 'no-referrer'],
  ['X-Content-Type-Options', 'nosniff'],
  ['X-Frame-Options', 'DENY'],
] as const;

/**
 * Sends the answer in one piece. Must be called within the request's handler: later the response may be invalid.
 *
 * @param how.withBody False for HEAD, which gets only the length.
 * @param how.close Closes the connection after the answer instead of keeping it alive.
 */
export function send(
  response: HttpResponse,
  answer: Answer,
  how: { readonly withBody: boolean; readonly close: boolean },
): void {
  response.cork(() => {
    response.writeStatus(answer.status);
    for (const [name, value] of securityHeaders) response.writeHeader(name, value);
    for (const [name, value] of answer.headers ?? []) response.writeHeader(name, value);
    const body = answer.body === undefined ? undefined : Buffer.from(JSON.stringify(answer.body));
    if (body !== undefined)
      response.writeHeader('Content-Type', answer.contentType ?? 'application/json; charset=utf-8');
    if (body !== undefined && how.withBody) {
      response.end(body, how.close);
      return;
    }
    // endWithoutBody must be called without arguments: with any, uWebSockets.js crashes on Node 20.
    if (body !== undefined) response.writeHeader('Content-Length', String(body.length));
    if (how.close) response.writeHeader('Connection', 'close');
    response.endWithoutBody();
  });
}
