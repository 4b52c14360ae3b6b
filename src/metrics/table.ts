/** Every metric of the server. `docs/metrics.md` is generated from it, and a test fails when the two disagree. */
import { errors, limitNames } from '../errors.js';
import { latencies } from './buckets.js';
import { shardMetrics } from './shard-table.js';
import type { MetricSpec } from './spec.js';

/** Types of messages that clients send; what is no message counts as `invalid`. */
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
    help: 'Open WebSocket connections.',
  },
  connectionsAccepted: {
    name: 'synckit_connections_accepted_total',
    type: 'counter',
    owner: 'acceptor',
    help: 'Connections that were let in.',
  },
  connectionsRejected: {
    name: 'synckit_connections_rejected_total',
    type: 'counter',
    owner: 'acceptor',
    labels: { reason: ['capacity', 'address'] },
    help: 'Connections turned away: more than WS_MAX_CONNECTIONS, or than SYNCKIT_MAX_CONNECTIONS_PER_IP.',
  },
  connectionsClosed: {
    name: 'synckit_connections_closed_total',
    type: 'counter',
    owner: 'acceptor',
    labels: { code: ['1000', '1001', '1005', '1006', '1008', '1009', '1011', '1012', 'other'] },
    help: 'Accepted connections that ended, by WebSocket close code; 1006 is one that broke.',
  },
  backpressureCloses: {
    name: 'synckit_backpressure_closes_total',
    type: 'counter',
    owner: 'acceptor',
    help: 'Connections ended because the client did not read what it was sent.',
  },
  authentications: {
    name: 'synckit_authentications_total',
    type: 'counter',
    owner: 'acceptor',
    labels: { result: ['accepted', 'anonymous', 'failed', 'expired', 'timeout'] },
    help: 'Results of authenticating; expired counts tokens shown too late and sessions that outlived theirs.',
  },
  messagesReceived: {
    name: 'synckit_messages_received_total',
    type: 'counter',
    owner: 'acceptor',
    labels: { type: receivedTypes },
    help: 'WebSocket messages from clients.',
  },
  bytesReceived: {
    name: 'synckit_received_bytes_total',
    type: 'counter',
    owner: 'acceptor',
    labels: { type: receivedTypes },
    help: 'Bytes of WebSocket messages from clients.',
  },
  messagesSent: {
    name: 'synckit_messages_sent_total',
    type: 'counter',
    owner: 'acceptor',
    labels: { type: sentTypes },
    help: 'Messages sent to clients; a published one counts once per subscriber.',
  },
  bytesSent: {
    name: 'synckit_sent_bytes_total',
    type: 'counter',
    owner: 'acceptor',
    labels: { type: sentTypes },
    help: 'Bytes of messages sent to clients; published ones count once per subscriber.',
  },
  publishes: {
    name: 'synckit_publishes_total',
    type: 'counter',
    owner: 'acceptor',
    help: 'Frames given to a topic: one call, whatever the number of subscribers. Not those that only their writer hears of: they leave with the ack.',
  },
  deliveries: {
    name: 'synckit_deliveries_total',
    type: 'counter',
    owner: 'acceptor',
    help: 'Published frames times their subscribers.',
  },
  errorsSent: {
    name: 'synckit_errors_total',
    type: 'counter',
    owner: 'both',
    labels: { code: Object.keys(errors) },
    help: 'Messages answered with an error, by code; INTERNAL is a failure of the server and is logged.',
  },
  limitRejections: {
    name: 'synckit_limit_rejections_total',
    type: 'counter',
    owner: 'acceptor',
    labels: { limit: limitNames },
    help: 'Messages refused with RATE_LIMIT_EXCEEDED, by the limit they were over.',
  },
  coalescingWait: {
    name: 'synckit_coalescing_wait_seconds',
    type: 'histogram',
    owner: 'acceptor',
    buckets: latencies,
    help: 'From the receipt of the oldest write of a flush until its task leaves for the shard.',
  },
  fanoutLatency: {
    name: 'synckit_fanout_latency_seconds',
    type: 'histogram',
    owner: 'acceptor',
    buckets: latencies,
    help: 'From the receipt of the oldest write of a flush until its frame is published.',
  },
  ackLatency: {
    name: 'synckit_ack_latency_seconds',
    type: 'histogram',
    owner: 'acceptor',
    buckets: latencies,
    help: 'From the receipt of a write until its ack is sent, so until it is durable.',
  },
  awarenessLeaves: {
    name: 'synckit_awareness_leaves_total',
    type: 'counter',
    owner: 'acceptor',
    labels: { reason: ['left', 'disconnected', 'expired'] },
    help: 'Awareness states that ended.',
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
    help: 'Awareness states of clients of other nodes held, in documents whose awareness somebody here follows.',
  },
  awarenessDropped: {
    name: 'synckit_awareness_messages_dropped_total',
    type: 'counter',
    owner: 'both',
    labels: { reason: ['unsent', 'full'] },
    help: 'What was lost of the awareness between nodes: messages that were not sent, because there was no connection or too much was unsent, and states beyond SYNCKIT_MAX_REMOTE_AWARENESS_BYTES. Both are said again.',
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
    help: 'Bytes of messages that wait for their flush, or for a shard to answer or to make them durable.',
  },
  shardTasks: {
    name: 'synckit_shard_tasks',
    type: 'gauge',
    owner: 'node',
    help: 'Tasks given to the shards that are not settled: not answered, or not durable.',
  },
  shardsRunning: {
    name: 'synckit_shards_running',
    type: 'gauge',
    owner: 'node',
    help: 'Shards whose worker thread is up.',
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
    help: '1 while all shards are connected to the bus, or when there is none; else 0.',
  },
  clusterNodes: {
    name: 'synckit_cluster_nodes',
    type: 'gauge',
    owner: 'node',
    help: 'Nodes of the cluster that this one knows of, itself included; 1 when it is alone or can not reach Redis.',
  },
  clusterAnnounceFailures: {
    name: 'synckit_cluster_announce_failures_total',
    type: 'counter',
    owner: 'acceptor',
    help: 'Times that the node could not put itself on the list of nodes in Redis; it tries again every 2 s.',
  },
  clusterMalformed: {
    name: 'synckit_cluster_malformed_entries_total',
    type: 'counter',
    owner: 'acceptor',
    help: 'Entries of the list of nodes that could not be read, each time that it was.',
  },
  storageHealthy: {
    name: 'synckit_storage_healthy',
    type: 'gauge',
    owner: 'node',
    help: '1 while commits succeed, 0 from a failed commit to the next that succeeds.',
  },
  pendingBytes: {
    name: 'synckit_commit_queue_bytes',
    type: 'gauge',
    owner: 'node',
    help: 'Bytes of changes that are merged but not durable yet.',
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
    help: 'Memory that the loaded documents take.',
  },
  ...shardMetrics,
} as const satisfies Record<string, MetricSpec>;

/** The metrics that a part counts in cells of its own, in the order of the table. */
export function cellsOf(owner: 'acceptor' | 'shard'): MetricSpec[] {
  return Object.values<MetricSpec>(metrics).filter((spec) => spec.owner === owner || spec.owner === 'both');
}
