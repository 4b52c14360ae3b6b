/** The events that the webhook is sent, and how they are signed: by the Standard Webhooks specification. */
import { createHash, createHmac } from 'node:crypto';
import type { WebhookConfig } from '../../config/load.js';
import type { UserChange } from './user-changes.js';
import type { Change } from '../../storage/changes/port.js';

export type EventType = WebhookConfig['events'][number];

/** What is sent. */
export interface Message {
  /** The same whenever the event is sent again. */
  readonly id: string;
  /** JSON. */
  readonly body: string;
}

const ID_CHARACTERS = 27;

export function typeOf({ kind }: Pick<Change, 'kind'>): EventType {
  return kind === 'changed' || kind === 'restored' ? 'document.changed' : 'document.deleted';
}

/** The message about a change. */
export function messageOf(change: Change): Message {
  const { documentId, kind, commit, at } = change;
  const hash = createHash('sha256').update(JSON.stringify([documentId, kind, commit, at]));
  const body = { type: typeOf(change), timestamp: new Date(at).toISOString(), data: { documentId, kind, commit } };
  return { id: `msg_${hash.digest('base64url').slice(0, ID_CHARACTERS)}`, body: JSON.stringify(body) };
}

/** The message about a user who has come or gone. @param name Tells it from all others. */
export function userMessageOf({ documentId, userId, isThere, at }: UserChange, name: string): Message {
  const type: EventType = isThere ? 'user.connected' : 'user.disconnected';
  const body = { type, timestamp: new Date(at).toISOString(), data: { documentId, userId } };
  return { id: `msg_${name}`, body: JSON.stringify(body) };
}

/**
 * The headers that let a receiver tell our messages from others', and from old ones.
 *
 * @param secret Text, or `whsec_` and bytes in base64.
 * @param now In ms since the epoch.
 */
export function signedHeaders({ id, body }: Message, secret: string, now: number): Record<string, string> {
  const timestamp = String(Math.floor(now / 1_000));
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : secret;
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return {
    'Content-Type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  };
}
