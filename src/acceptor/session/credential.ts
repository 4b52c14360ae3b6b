import type { HttpRequest } from 'uWebSockets.js';

/** What a client has shown; the text of a token or of an API key. */
export interface Credential {
  readonly kind: 'token' | 'key';
  readonly text: string;
}

/** The protocol that a client names before its token in `Sec-WebSocket-Protocol`, and that the server answers. */
export const subprotocol = 'synckit';

/**
 * The credential of an upgrade request: in a header, in the list of subprotocols (`synckit, <token>`), or in the query.
 * Browsers can only send the latter two, and addresses end up in logs.
 */
export function credentialOf(req: HttpRequest): Credential | undefined {
  const query = req.getQuery('token');
  if (query !== undefined && query !== '') return { kind: 'token', text: query };
  const bearer = /^bearer +(\S+)$/i.exec(req.getHeader('authorization'))?.[1];
  if (bearer !== undefined) return { kind: 'token', text: bearer };
  const key = req.getHeader('x-api-key');
  if (key !== '') return { kind: 'key', text: key };
  const named = subprotocolsOf(req).find((name) => name !== subprotocol && /[._]/.test(name));
  return named === undefined ? undefined : { kind: 'token', text: named };
}

/** What `Sec-WebSocket-Protocol` of the answer is: never a token. */
export function acceptedSubprotocol(req: HttpRequest): string {
  return subprotocolsOf(req).includes(subprotocol) ? subprotocol : '';
}

function subprotocolsOf(req: HttpRequest): string[] {
  return req
    .getHeader('sec-websocket-protocol')
    .split(',')
    .map((name) => name.trim());
}
