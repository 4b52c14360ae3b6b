/** The metrics of the budgets: what requests cost, and what waits for its turn. */
import type { MetricSpec } from './spec.js';

export const budgetMetrics = {
  outgoingBytes: {
    name: 'synckit_outgoing_bytes',
    type: 'gauge',
    owner: 'node',
    help: 'Bytes that wait for clients to receive them, as last seen; the sockets are looked at in turn. The bound is SYNCKIT_MAX_OUTGOING_BYTES.',
  },
  chunkedBytes: {
    name: 'synckit_chunked_bytes',
    type: 'gauge',
    owner: 'node',
    help: 'Memory of the unfinished chunk sets of all connections. The bound is SYNCKIT_MAX_NODE_CHUNKED_BYTES.',
  },
  plainConnections: {
    name: 'synckit_plain_connections',
    type: 'gauge',
    owner: 'node',
    help: 'Open connections that are not WebSockets, or not yet. The bound is SYNCKIT_MAX_HTTP_CONNECTIONS.',
  },
  readBytes: {
    name: 'synckit_read_bytes',
    type: 'gauge',
    owner: 'node',
    labels: { place: ['waiting', 'in_flight'] },
    help: 'Bytes of requests for documents that wait for their turn (SYNCKIT_MAX_WAITING_READ_BYTES), and of answers that the shards are making (SYNCKIT_MAX_READ_BYTES_IN_FLIGHT), as far as their sizes are known.',
  },
  httpBytes: {
    name: 'synckit_http_bytes',
    type: 'gauge',
    owner: 'node',
    labels: { place: ['bodies', 'answers'] },
    help: 'Bytes of requests about documents that are being received or answered (SYNCKIT_MAX_HTTP_BODY_BYTES), and of documents that wait for HTTP clients to receive them (SYNCKIT_MAX_HTTP_ANSWER_BYTES).',
  },
  eventStreams: {
    name: 'synckit_event_streams',
    type: 'gauge',
    owner: 'node',
    help: 'Open streams of server-sent events. The bound is SYNCKIT_MAX_EVENT_STREAMS.',
  },
  idempotencyKeys: {
    name: 'synckit_idempotency_keys',
    type: 'gauge',
    owner: 'node',
    help: 'Values of Idempotency-Key whose answers are remembered. The bound is SYNCKIT_MAX_IDEMPOTENCY_KEYS.',
  },
  misuses: {
    name: 'synckit_misuse_closes_total',
    type: 'counter',
    owner: 'acceptor',
    labels: { reason: ['unauthenticated', 'refusals'] },
    help: 'Connections that were closed with 1008 for what they sent: over SYNCKIT_MAX_MESSAGES_BEFORE_AUTH or SYNCKIT_MAX_BYTES_BEFORE_AUTH (unauthenticated), or over SYNCKIT_MAX_REFUSALS_PER_MINUTE (refusals).',
  },
  documentsCreated: {
    name: 'synckit_documents_created_total',
    type: 'counter',
    owner: 'acceptor',
    help: 'Documents that writes of clients have created (SYNCKIT_MAX_USER_DOCUMENTS_PER_HOUR).',
  },
  documentLifecycle: {
    name: 'synckit_document_lifecycle_total',
    type: 'counter',
    owner: 'acceptor',
    labels: { event: ['deleted', 'restored', 'erased', 'expired'] },
    help: 'Documents that administrators have deleted, restored or erased, and deleted ones that were erased after SYNCKIT_DELETED_DOCUMENT_RETENTION (expired).',
  },
  snapshots: {
    name: 'synckit_snapshots_total',
    type: 'counter',
    owner: 'shard',
    labels: { result: ['made', 'shared'] },
    help: 'States of documents that were made for readers, and those that were made for an earlier reader and used again (SYNCKIT_MAX_SNAPSHOT_BYTES).',
  },
} as const satisfies Record<string, MetricSpec>;
