/** Sends answers, with the headers that all answers have. */
import type { HttpResponse } from 'uWebSockets.js';
import type { ErrorCode } from '../errors.js';

export interface Answer {
  /** Status code and reason phrase, such as `200 OK`. */
  readonly status: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** Serialised as JSON; undefined for an answer without a body, or with a `content`. */
  readonly body?: unknown;
  /** Of the `body`; by default without a charset, which clients of the reference server compare exactly. */
  readonly contentType?: string;
  /** What a page may load, as `Content-Security-Policy` has it; by default nothing. */
  readonly policy?: string;
  /** A body that is no JSON. */
  readonly content?: { readonly type: string; readonly bytes: Buffer };
  /** Closes the connection after the answer: the rest of the request is not read. */
  readonly close?: boolean;
  /** The code of a refusal that is to be counted when it is sent. */
  readonly uncounted?: ErrorCode | undefined;
}

/** No answer may be cached, framed or sniffed. */
export const securityHeaders = [
  ['Cache-Control', 'no-store'],
  ['Referrer-Policy', 'no-referrer'],
  ['X-Content-Type-Options', 'nosniff'],
  ['X-Frame-Options', 'DENY'],
] as const;

/** Of answers that are no pages: nothing of them may be rendered. */
export const dataPolicy = "default-src 'none'; frame-ancestors 'none'";

export interface How {
  /** False for HEAD, which gets only the length. */
  readonly withBody: boolean;
  /** Closes the connection after the answer instead of keeping it alive. */
  readonly close: boolean;
  /** How long the client may take for an answer of so many bytes, in ms; by default without a limit. */
  readonly sendTimeoutMs?: (bytes: number) => number;
  /** Called once, when the answer is with the system or the client has gone. */
  readonly onDone?: () => void;
}

/**
 * Answers a request. Must be called within the request's handler; the answer is sent in a later turn of the event loop,
 * and the next request of the connection is not read before all of it is written. uWebSockets closes a connection that
 * sends another request before: so a client can neither have a thousand requests answered in one turn, nor have answers
 * pile up that it does not read.
 *
 * @param prepare Makes the answer; called once, unless the client has gone. It may not throw.
 */
export function respond(response: HttpResponse, prepare: () => Answer | Promise<Answer>, how: How): void {
  let isGone = false;
  let tooSlow: NodeJS.Timeout | undefined;
  response.onAborted(() => {
    if (isGone) return;
    isGone = true;
    clearTimeout(tooSlow);
    how.onDone?.();
  });
  const finish = (answer: Answer): void => {
    const isSent = send(response, answer, how, () => {
      clearTimeout(tooSlow);
      if (!isGone) how.onDone?.();
      isGone = true;
    });
    if (isSent) how.onDone?.();
    isGone ||= isSent;
    if (isGone || how.sendTimeoutMs === undefined) return;
    // What waits for it is kept from others.
    tooSlow = setTimeout(() => response.close(), how.sendTimeoutMs(answer.content?.bytes.length ?? 0));
  };
  setImmediate(() => {
    if (isGone) return;
    const answer = prepare();
    if (!(answer instanceof Promise)) {
      finish(answer);
      return;
    }
    void answer.then((ready) => {
      if (!isGone) finish(ready);
    });
  });
}

/** Answers a request at once whose end is watched elsewhere. */
export function sendAnswer(response: HttpResponse, answer: Answer): void {
  send(response, answer, { withBody: true, close: false }, () => undefined);
}

/** @param onSent Called when the rest is sent. @returns Whether there is no rest. */
function send(response: HttpResponse, answer: Answer, how: How, onSent: () => void): boolean {
  let isSent = true;
  const { withBody } = how;
  const close = how.close || answer.close === true;
  const content = contentOf(answer);
  response.cork(() => {
    response.writeStatus(answer.status);
    for (const [name, value] of securityHeaders) response.writeHeader(name, value);
    response.writeHeader('Content-Security-Policy', answer.policy ?? dataPolicy);
    for (const [name, value] of answer.headers ?? []) response.writeHeader(name, value);
    if (content !== undefined) response.writeHeader('Content-Type', content.type);
    if (content !== undefined && withBody) {
      if (close) response.end(content.bytes, true);
      else isSent = write(response, content.bytes, onSent);
      return;
    }
    // endWithoutBody must be called without arguments: with any, uWebSockets.js crashes on Node 20.
    if (content !== undefined) response.writeHeader('Content-Length', String(content.bytes.length));
    if (close) response.writeHeader('Connection', 'close');
    response.endWithoutBody();
  });
  return isSent;
}

function contentOf({ body, content, contentType = 'application/json' }: Answer): Answer['content'] {
  if (body === undefined) return content;
  return { type: contentType, bytes: Buffer.from(JSON.stringify(body)) };
}

/** Writes as much as the socket takes, and the rest when it takes more. */
function write(response: HttpResponse, bytes: Buffer, onSent: () => void): boolean {
  const [, isDone] = response.tryEnd(bytes, bytes.length);
  if (isDone) return true;
  response.onWritable((offset) => {
    const [isWritten, isWhole] = response.tryEnd(bytes.subarray(offset), bytes.length);
    if (isWhole) onSent();
    return isWritten;
  });
  return false;
}

/** Refuses a request, and closes its connection, without making an answer. */
export function refuse(response: HttpResponse, status: string): void {
  response.cork(() => response.writeStatus(status).writeHeader('Retry-After', '1').end('', true));
}
