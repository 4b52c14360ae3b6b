/** A message of each type that a client may send. */
import type { ClientType } from '../../../src/protocol/codes.js';

/** What sending one comes down to. */
export type Right = 'read' | 'write' | 'none';

export interface Sample {
  readonly fields: Record<string, unknown>;
  /** What it takes to send it. */
  readonly right: Right;
}

/** All about one document; `auth` is not among them. The compiler says when a type is missing. */
export function samples(documentId: string, clientId: string): Record<Exclude<ClientType, 'auth'>, Sample> {
  const whole = { type: 'delta', id: 'whole', timestamp: 1, documentId, field: 'chunk', value: 1 };
  const data = Buffer.from(JSON.stringify(whole)).toString('base64');
  return {
    subscribe: { right: 'read', fields: { documentId } },
    sync_request: { right: 'read', fields: { documentId } },
    sync_step1: { right: 'read', fields: { documentId, stateVector: {} } },
    unsubscribe: { right: 'read', fields: { documentId } },
    awareness_subscribe: { right: 'read', fields: { documentId } },
    awareness_update: { right: 'read', fields: { documentId, clientId, state: { name: 'x' }, clock: 1 } },
    delta: { right: 'write', fields: { documentId, field: 'delta', value: 1 } },
    delta_batch: { right: 'write', fields: { documentId, deltas: [{ field: 'batch', value: 1 }] } },
    delta_batch_chunk: {
      right: 'write',
      fields: { chunkId: clientId, totalChunks: 1, chunkIndex: 0, data },
    },
    ack: { right: 'none', fields: { messageId: 'x' } },
    ping: { right: 'none', fields: {} },
    pong: { right: 'none', fields: {} },
    connect: { right: 'none', fields: {} },
  };
}
