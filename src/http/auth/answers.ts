/** The answers of the routes about accounts, and who is asking. */
import type { Identity, Verified } from '../../auth/identity.js';
import type { Answer } from '../answer.js';
import type { Asked } from './exchange.js';
import type { AuthHttpDeps } from './ports.js';

export const statuses = {
  ok: '200 OK',
  created: '201 Created',
  bad: '400 Bad Request',
  unauthorized: '401 Unauthorized',
  forbidden: '403 Forbidden',
  notFound: '404 Not Found',
  notAllowed: '405 Method Not Allowed',
  conflict: '409 Conflict',
  tooMany: '429 Too Many Requests',
  unavailable: '503 Service Unavailable',
  full: '507 Insufficient Storage',
} as const;

export function ok(body: object): Answer {
  return { status: statuses.ok, body };
}

export function refuse(status: keyof typeof statuses, error: string): Answer {
  return { status: statuses[status], body: { error } };
}

export function comeLater(status: 'tooMany' | 'unavailable', error: string, waitMs: number): Answer {
  const seconds = String(Math.max(1, Math.ceil(waitMs / 1_000)));
  return { ...refuse(status, error), headers: [['Retry-After', seconds]] };
}

export const unauthorized: Answer = {
  ...refuse('unauthorized', 'Unauthorized'),
  headers: [['WWW-Authenticate', 'Bearer']],
};

/** Who is asking: the identity, or the answer when there is none. */
export async function identify(
  { authenticator }: Pick<AuthHttpDeps, 'authenticator'>,
  { authorization, apiKey }: Pick<Asked, 'authorization' | 'apiKey'>,
): Promise<{ readonly identity: Identity } | { readonly answer: Answer; readonly reason: string }> {
  const token = /^bearer +(\S+)$/i.exec(authorization)?.[1];
  if (token === undefined && apiKey === '') return { answer: unauthorized, reason: 'AUTH_REQUIRED' };
  const verified: Verified = token === undefined ? authenticator.verifyKey(apiKey) : await authenticator.verify(token);
  if (verified.ok) return verified;
  const { code } = verified;
  if (code === 'AUTH_UNAVAILABLE') {
    return { answer: comeLater('unavailable', 'Authentication unavailable', 1_000), reason: code };
  }
  return { answer: unauthorized, reason: code };
}
