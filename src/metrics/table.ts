/** Every metric of the server. docs/metrics.md is generated from it, and a test fails when the two differ. */
import { errors, limitNames } from '../errors.js';
import { authMetrics } from './auth-table.js';
import { latencies } from './buckets.js';
import { changesMetrics } from './changes-table.js';
import { budgetMetrics } from './budget-table.js';
import { shardMetrics } from './shard-table.js';
import { historyMetrics } from './history-table.js';
import { snapshotMetrics } from './snapshot-table.js';
import type { MetricSpec } from './spec.js';
import { validationMetrics } from './validation-table.js';

/** Types of messages that clients send; malformed messages count as `invalid`. */
const receivedTypes = [
  'auth',
  'subscribe',
  'unsubscribe',
  'sync_request',
  'sync_step1',
  'delta',
  'delta_batch',
  'delta_batch_chunk',
  'ack',
  'ping',
  'pong',
  'awareness_update',
  'awareness_subscribe',
  'connect',
  'invalid',
] as const;

/** Types of messages that the server sends. */
const sentTypes = [
  'auth_success',
  'auth_error',
  'sync_response',
  'sync_step2',
  'delta',
  'delta_batch',
  'ack',
  'pong',
  'awareness_update',
  'awareness_state',
  'error',
] as const;

export const metrics = {
  connections: {
    name: 'synckit_connections',
    type: 'gauge',
    owner: 'node',
    labels: { protocol: ['binary', 'json'], state: ['connecting', 'authenticated', 'draining'] },
    help: 'Open WebSocket connections, by protocol and state.',
  },
  connectionsAccepted: {
    name: 'synckit_connections_accepted_total',
    type: 'counter',
    owner: 'acceptor',
    help: 'WebSocket connections that were accepted.',
  },
  connectionsRejected: {
    name: 'synckit_connections_rejected_total',
    type: 'counter',
    owner: 'acceptor',
    labels: { reason: ['capacity', 'address', 'unauthenticated', 'rate', 'sockets', 'origin', 'parts'] },
    help: 'Connections, handshakes and HTTP requests that were rejected: over WS_MAX_CONNECTIONS (capacity), SYNCKIT_MAX_CONNECTIONS_PER_IP (address), SYNCKIT_MAX_UNAUTHENTICATED or SYNCKIT_MAX_UNAUTHENTICATED_BYTES (unauthenticated: the longest unauthenticated was closed), SYNCKIT_MAX_HANDSHAKES_PER_SECOND or SYNCKIT_MAX_HTTP_REQUESTS_PER_SECOND (rate), SYNCKIT_MAX_SOCKETS or SYNCKIT_MAX_HTTP_CONNECTIONS (sockets), from a page whose origin may not connect (origin), or a body in more parts than SYNCKIT_MAX_HTTP_BODY_PARTS (parts).',
  },
  connectionsClosed: {
    name: 'synckit_connections_closed_total',
    type: 'counter',
    owner: 'acceptor',
    labels: {
      code: ['1000', '1001', '1005', '1006', '1008', '1009', '1011', '1012', '1013', '4001', '4401', '4403', 'other'],
    },
    help: 'Accepted connections that were closed, by WebSocket close code; 1006 is a connection that broke without a close frame.',
  },
  backpressureCloses: {
    name: 'synckit_backpressure_closes_total',
    type: 'counter',
    owner: 'acceptor',
    help: 'Connections closed because the client was too slow: more than WS_MAX_BACKPRESSURE_BYTES waited for it.',
  },
  ...authMetrics,
  messagesReceived: {
    name: 'synckit_messages_received_total',
    type: 'counter',
    owner: 'acceptor',
    labels: { type: receivedTypes },
    help: 'Messages received from clients, by type.',
  },
  bytesReceived: {
    name: 'synckit_received_bytes_total',
    type: 'counter',
    owner: 'acceptor',
    labels: { type: receivedTypes },
    help: 'Bytes of messages received from clients, by type.',
  },
  messagesSent: {
    name: 'synckit_messages_sent_total',
    type: 'counter',
    owner: 'acceptor',
    labels: { type: sentTypes },
    help: 'Messages sent to clients, by type. A published message counts once per subscriber.',
  },
  bytesSent: {
    name: 'synckit_sent_bytes_total',
    type: 'counter',
    owner: 'acceptor',
    labels: { type: sentTypes },
    help: 'Bytes of messages sent to clients, by type. A published message counts once per subscriber.',
  },
  publishes: {
    name: 'synckit_publishes_total',
    type: 'counter',
    owner: 'acceptor',
    help: 'Frames published to a topic: one call each, whatever the number of subscribers. When the writer is the only subscriber, its update is sent with the ack and not counted here.',
  },
  deliveries: {
    name: 'synckit_deliveries_total',
    type: 'counter',
    owner: 'acceptor',
    help: 'Deliveries of published frames: each frame counts once per subscriber.',
  },
  errorsSent: {
    name: 'synckit_errors_total',
    type: 'counter',
    owner: 'both',
    labels: { code: Object.keys(errors) },
    help: 'Errors sent to clients, by code, those of the HTTP API of documents included. INTERNAL is a failure of the server and is logged.',
  },
  limitRejections: {
    name: 'synckit_limit_rejections_total',
    type: 'counter',
    owner: 'acceptor',
    labels: { limit: limitNames },
    help: 'Messages refused with RATE_LIMIT_EXCEEDED, by the limit that was exceeded.',
  },
  coalescingWait: {
    name: 'synckit_coalescing_wait_seconds',
    type: 'histogram',
    owner: 'acceptor',
    buckets: latencies,
    help: 'Time from the receipt of the oldest write of a flush until its task is submitted to the shard.',
  },
  flushWindow: {
    name: 'synckit_flush_window_seconds',
    type: 'histogram',
    owner: 'acceptor',
    buckets: latencies,
    help: 'Time for which the writes of a document are collected after a flush, by what the flush costs (SYNC_FLUSH_SHARE). At most SYNC_BATCH_DELAY.',
  },
  fanoutLatency: {
    name: 'synckit_fanout_latency_seconds',
    type: 'histogram',
    owner: 'acceptor',
    buckets: latencies,
    help: 'Time from the receipt of the oldest write of a flush until its frame is published.',
  },
  ackLatency: {
    name: 'synckit_ack_latency_seconds',
    type: 'histogram',
    owner: 'acceptor',
    buckets: latencies,
    help: 'Time from the receipt of a write until its ack is sent, when the write is durable.',
  },
  awarenessLeaves: {
    name: 'synckit_awareness_leaves_total',
    type: 'counter',
    owner: 'acceptor',
    labels: { reason: ['left', 'disconnected', 'expired'] },
    help: 'Awareness states that were removed: by their client (left), with its connection (disconnected), or because they were not renewed (expired).',
  },
  awarenessStates: {
    name: 'synckit_awareness_states',
    type: 'gauge',
    owner: 'node',
    help: 'Awareness states of the clients of this process.',
  },
  remoteAwarenessStates: {
    name: 'synckit_remote_awareness_states',
    type: 'gauge',
    owner: 'node',
    help: 'Awareness states of clients of other nodes that this process holds, for documents whose awareness its sessions use.',
  },
  awarenessDropped: {
    name: 'synckit_awareness_messages_dropped_total',
    type: 'counter',
    owner: 'both',
    labels: { reason: ['unsent', 'full'] },
    help: 'Awareness lost between nodes: messages that could not be sent (unsent), because there was no connection or too many bytes were unsent, and received states over SYNCKIT_MAX_REMOTE_AWARENESS_BYTES (full). All states are published again periodically.',
  },
  subscribedDocuments: {
    name: 'synckit_subscribed_documents',
    type: 'gauge',
    owner: 'node',
    help: 'Documents with at least one subscriber.',
  },
  queuedBytes: {
    name: 'synckit_queued_bytes',
    type: 'gauge',
    owner: 'node',
    labels: { place: ['coalescer', 'shards'] },
    help: 'Bytes of messages that wait in the coalescer for their flush, or that the shards have not settled yet: not answered, or not durable.',
  },
  shardTasks: {
    name: 'synckit_shard_tasks',
    type: 'gauge',
    owner: 'node',
    help: 'Tasks that the shards have not settled yet: not answered, or not durable.',
  },
  shardsRunning: {
    name: 'synckit_shards_running',
    type: 'gauge',
    owner: 'node',
    help: 'Shards whose worker thread is running.',
  },
  shardRestarts: {
    name: 'synckit_shard_restarts_total',
    type: 'counter',
    owner: 'node',
    help: 'Worker threads that died and were replaced.',
  },
  busConnected: {
    name: 'synckit_bus_connected',
    type: 'gauge',
    owner: 'node',
    help: '1 while all shards are connected to the bus, and on a node without a bus; otherwise 0.',
  },
  clusterNodes: {
    name: 'synckit_cluster_nodes',
    type: 'gauge',
    owner: 'node',
    help: 'Nodes of the cluster that this node knows, itself included; 1 without a bus and while Redis is unavailable.',
  },
  clusterAnnounceFailures: {
    name: 'synckit_cluster_announce_failures_total',
    type: 'counter',
    owner: 'acceptor',
    help: 'Failed attempts to announce this node on the list of nodes in Redis. They are repeated every 2 s.',
  },
  clusterMalformed: {
    name: 'synckit_cluster_malformed_entries_total',
    type: 'counter',
    owner: 'acceptor',
    help: 'Entries of the list of nodes that could not be decoded, counted at each read of the list.',
  },
  storageHealthy: {
    name: 'synckit_storage_healthy',
    type: 'gauge',
    owner: 'node',
    help: '1 while commits succeed; 0 from a failed commit until the next that succeeds, and while one takes longer than SYNCKIT_COMMIT_STALL_MS.',
  },
  clockOffset: {
    name: 'synckit_clock_offset_seconds',
    type: 'gauge',
    owner: 'node',
    help: 'How far the clock of this host is ahead of the database’s, compared every 10 s: at least that much, negative when it is behind; 0 without a database. Beyond SYNC_MAX_CLOCK_SKEW_MS the process is not ready.',
  },
  pendingBytes: {
    name: 'synckit_commit_queue_bytes',
    type: 'gauge',
    owner: 'node',
    help: 'Bytes of changes that are merged but not yet durable.',
  },
  loadedDocuments: {
    name: 'synckit_loaded_documents',
    type: 'gauge',
    owner: 'node',
    help: 'Documents in memory.',
  },
  documentBytes: {
    name: 'synckit_document_bytes',
    type: 'gauge',
    owner: 'node',
    help: 'Memory of the loaded documents.',
  },
  ...budgetMetrics,
  ...shardMetrics,
  ...snapshotMetrics,
  ...validationMetrics,
  ...historyMetrics,
  ...changesMetrics,
} as const satisfies Record<string, MetricSpec>;

/** The metrics that an owner counts in its own cells, in the order of the table. */
export function cellsOf(owner: 'acceptor' | 'shard'): MetricSpec[] {
  return Object.values<MetricSpec>(metrics).filter((spec) => spec.owner === owner || spec.owner === 'both');
}
