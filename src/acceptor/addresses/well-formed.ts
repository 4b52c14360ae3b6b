import type { HttpRequest } from 'uWebSockets.js';

/** Headers that may not come twice: a proxy in front may go by another one than this server. */
const single = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'origin',
  'authorization',
  'x-api-key',
  'sec-websocket-key',
]);

/**
 * Whether a request is one that every HTTP server reads the same way. uWebSockets is lenient, and what a proxy takes for
 * one request must not be two for the server.
 */
export function isWellFormed(request: Pick<HttpRequest, 'forEach' | 'getCaseSensitiveMethod'>): boolean {
  const seen = new Set<string>();
  const repeated: string[] = [];
  request.forEach((name) => {
    if (seen.has(name) && single.has(name)) repeated.push(name);
    seen.add(name);
  });
  const hasTwoLengths = seen.has('content-length') && seen.has('transfer-encoding');
  return (
    repeated.length === 0 && seen.has('host') && !hasTwoLengths && /^[A-Z]+$/.test(request.getCaseSensitiveMethod())
  );
}
