/** One HTTP request with a JSON body, and its answer, which may take a while. */
import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import type { Answer } from '../answer.js';

/** What a route knows of a request. */
export interface Asked {
  /** In lower case. */
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly authorization: string;
  readonly apiKey: string;
  /** Of the client, behind trusted proxies. */
  readonly address: string;
  readonly requestId: string;
  /** The JSON of the body; undefined when there is none, or it is no JSON. */
  readonly body: unknown;
}

/** Largest body, in bytes. */
const maxBodyBytes = 64 * 1024;
const withBody = new Set(['post', 'put', 'patch', 'delete']);
const requestIds = /^[\w.:-]{1,100}$/;
let requests = 0;

/** What has to be read before the handler returns. */
export function head(request: HttpRequest, address: string): Omit<Asked, 'body'> {
  const given = request.getHeader('x-request-id');
  return {
    method: request.getMethod(),
    path: request.getUrl(),
    query: new URLSearchParams(request.getQuery()),
    authorization: request.getHeader('authorization'),
    apiKey: request.getHeader('x-api-key'),
    address,
    requestId: requestIds.test(given) ? given : `http-${process.pid}-${++requests}`,
  };
}

/**
 * Reads the body and sends what `answer` makes of the request, unless the client has gone. Must be called within the
 * request's handler.
 *
 * @param answer May not reject.
 * @param send Sends an answer; called at most once, and not after the client has gone.
 */
export function exchange(
  response: HttpResponse,
  asked: Omit<Asked, 'body'>,
  answer: (asked: Asked) => Promise<Answer>,
  send: (answer: Answer, close: boolean) => void,
): void {
  let isGone = false;
  response.onAborted(() => {
    isGone = true;
  });
  const finish = (made: Answer, close: boolean): void => {
    if (!isGone) send(made, close);
  };
  const start = (body: unknown): void => {
    void answer({ ...asked, body }).then((made) => {
      finish(made, false);
    });
  };
  if (!withBody.has(asked.method)) {
    start(undefined);
    return;
  }
  const parts: Buffer[] = [];
  let bytes = 0;
  response.onData((part, isLast) => {
    if (isGone || bytes > maxBodyBytes) return;
    bytes += part.byteLength;
    if (bytes > maxBodyBytes) {
      finish({ status: '413 Payload Too Large', body: { error: 'Request body too large' } }, true);
      return;
    }
    // The part is valid during this call only.
    parts.push(Buffer.from(new Uint8Array(part)));
    if (isLast) start(parse(Buffer.concat(parts)));
  });
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
