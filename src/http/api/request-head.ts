import type { HttpRequest } from 'uWebSockets.js';
import type { Origins } from '../../auth/origins.js';
import { ProtocolError } from '../../errors.js';
import { head } from '../auth/exchange.js';
import type { Credential } from './ports.js';

/** The headers that routes may look at, besides those about the sender. */
const names = ['if-match', 'if-none-match', 'idempotency-key', 'prefer', 'last-event-id'] as const;

/** What is known of a request before its body. */
export interface RequestHead {
  /** In lower case. */
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly origin: string;
  readonly host: string;
  readonly contentType: string;
  readonly headers: Readonly<Record<(typeof names)[number], string>>;
  readonly address: string;
  readonly credential: Credential | undefined;
  readonly requestId: string;
}

/** Must be called before the handler of a request returns. @param address Of the client. */
export function readHead(request: HttpRequest, address: string): RequestHead {
  const { method, path, query, authorization, apiKey, requestId } = head(request, address);
  const headers = Object.fromEntries(names.map((name) => [name, request.getHeader(name)])) as RequestHead['headers'];
  const token = /^bearer +(\S+)$/i.exec(authorization)?.[1];
  const key: Credential | undefined = apiKey === '' ? undefined : { kind: 'key', text: apiKey };
  return {
    ...{ method, path, query, headers, address, requestId },
    origin: request.getHeader('origin'),
    host: request.getHeader('host'),
    contentType: request.getHeader('content-type'),
    credential: token === undefined ? key : { kind: 'token', text: token },
  };
}

/** @throws ProtocolError When a request without credentials comes from a page that may not use the server. */
export function checkPage({ credential, origin, host }: RequestHead, origins: Pick<Origins, 'mayAsk'>): void {
  if (credential !== undefined || origins.mayAsk(origin, host)) return;
  throw new ProtocolError(
    'PERMISSION_DENIED',
    origin === '' ? 'without authentication, ask for localhost or an address' : 'this origin is not in CORS_ORIGINS',
  );
}
