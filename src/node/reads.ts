import type { Acceptor } from '../acceptor/acceptor.js';
import type { CountedState } from '../acceptor/session/limits/session-meter.js';
import type { Api } from '../http/api/register.js';
import type { ClusterHeartbeat } from '../cluster/membership/heartbeat.js';
import type { NodeReads } from '../metrics/registry.js';
import type { Listening } from './listening.js';
import type { NodeAuth } from './auth.js';
import type { NodeChanges } from './changes.js';
import type { NodeSnapshots } from './snapshots.js';
import type { DatabaseClock } from '../pool/database-clock.js';
import type { ShardLink } from '../pool/shard-link.js';
import type { Validator } from '../validation/remote/validator.js';
import type { ShardSet } from '../pool/shard-set.js';

/** The parts of a node whose metrics are read. */
export interface MeasuredParts {
  readonly acceptor: Acceptor;
  readonly auth: NodeAuth;
  readonly listening: Pick<Listening, 'certificateExpiresAt'>;
  readonly shards: ShardSet;
  readonly api: Api;
  /** Undefined without VALIDATE_URL. */
  readonly validator: Pick<Validator, 'waiting' | 'isPaused'> | undefined;
  readonly snapshots: Pick<NodeSnapshots, 'schedule' | 'memory'>;
  readonly changes: Pick<NodeChanges, 'changes' | 'deliveries'>;
  /** Undefined without a bus. */
  readonly heartbeat: ClusterHeartbeat | undefined;
  readonly clock: Pick<DatabaseClock, 'offsetMs'>;
}

/**
 * Reads the metrics whose owner is `node`. Each read costs at most O(number of shards).
 *
 * @param node Its parts may be missing until the first read.
 */
export function nodeReads(node: MeasuredParts): NodeReads {
  const links = (): readonly ShardLink[] => node.shards.links;
  return {
    connections: ({ protocol, state }) =>
      node.acceptor.meter.count(protocol === 'json' ? 'json' : 'binary', state as CountedState),
    verifications: () => node.auth.authenticator.inProgress,
    knownTokens: () => node.auth.authenticator.knownTokens,
    certificateExpiry: () => node.listening.certificateExpiresAt / 1_000,
    passwordChecks: () => node.auth.passwords.waiting,
    accessAnswers: () => node.auth.accessAnswers,
    accessLag: () => node.auth.accessLagMs / 1_000,
    apiKeys: () => node.auth.directory.keys,
    revocations: () => node.auth.directory.revocations,
    validationsWaiting: () => node.validator?.waiting ?? 0,
    validationPaused: () => (node.validator?.isPaused === true ? 1 : 0),
    heldBytes: () => node.acceptor.heldBytes.bytes,
    awarenessStates: () => node.acceptor.awareness.states,
    remoteAwarenessStates: () => node.acceptor.awareness.remoteStates,
    subscribedDocuments: () => node.acceptor.topics.size,
    queuedBytes: ({ place }) =>
      place === 'coalescer' ? node.acceptor.coalescer.queuedBytes : node.shards.retainedBytes,
    chunkedBytes: () => node.acceptor.chunkMemory.bytes,
    plainConnections: () => node.acceptor.doors.plain,
    httpBytes: ({ place }) => (place === 'bodies' ? node.api.bodies.bytes : node.api.answers.bytes),
    eventStreams: () => node.acceptor.streams.count,
    snapshotsWaiting: () => node.snapshots.schedule.waiting,
    snapshotBytes: () => node.snapshots.memory.bytes,
    webhookPending: ({ state }) => {
      const { pending, failing } = node.changes.deliveries;
      return state === 'failing' ? failing : pending - failing;
    },
    webhookOldest: () => {
      const { oldestAt } = node.changes.deliveries;
      return oldestAt === undefined ? 0 : Math.max(0, Date.now() - oldestAt) / 1_000;
    },
    webhookDead: () => node.changes.deliveries.dead,
    changesWaiting: () => node.changes.changes.waiting,
    idempotencyKeys: () => node.api.idempotency.keys,
    outgoingBytes: () => node.acceptor.outgoing.bytes,
    readBytes: ({ place }) =>
      place === 'waiting' ? node.acceptor.admission.waitingBytes : node.acceptor.admission.bytesInFlight,
    shardTasks: () => links().reduce((sum, link) => sum + link.unsettled, 0),
    shardsRunning: () => links().filter((link) => link.running).length,
    shardRestarts: () => links().reduce((sum, link) => sum + link.restarts, 0),
    storageHealthy: () => (node.shards.status().storageHealthy ? 1 : 0),
    clockOffset: () => node.clock.offsetMs / 1_000,
    clusterNodes: () => node.heartbeat?.size ?? 1,
    busConnected: () => (node.shards.status().busConnected ? 1 : 0),
    pendingBytes: () => node.shards.status().pendingBytes,
    loadedDocuments: () => node.shards.status().documents,
    documentBytes: () => node.shards.status().bytes,
  };
}
