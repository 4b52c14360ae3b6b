/** What is read of an HTTP request with a JSON body. */
import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import { BodyParts } from '../body-parts.js';
import { PartLimit } from '../part-limit.js';

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

/** What came in the body of a request. */
export type Body = { readonly isTooLarge: false; readonly json: unknown } | { readonly isTooLarge: true };

/**
 * Reads the body of a request. Must be called within the request's handler. Never resolves when the client goes before
 * it has sent everything.
 *
 * @param method In lower case. @param maxParts Besides one for each 64 bytes. @param onTooManyParts Called before the
 * connection is closed for that.
 */
export function readBody(
  response: HttpResponse,
  method: string,
  maxParts: number,
  onTooManyParts: () => void,
): Body | Promise<Body> {
  if (!withBody.has(method)) return { isTooLarge: false, json: undefined };
  return new Promise((resolve) => {
    const parts = new BodyParts(maxBodyBytes);
    const partLimit = new PartLimit(maxParts);
    let bytes = 0;
    response.onData((part, isLast) => {
      if (!partLimit.take(part.byteLength)) {
        onTooManyParts();
        response.close();
        return;
      }
      if (bytes > maxBodyBytes) return;
      bytes += part.byteLength;
      if (bytes > maxBodyBytes) {
        parts.clear();
        resolve({ isTooLarge: true });
        return;
      }
      parts.add(new Uint8Array(part));
      if (isLast) resolve({ isTooLarge: false, json: parse(parts.bytes) });
    });
  });
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
