import { hostname } from 'node:os';
import type { Acceptor } from '../acceptor/acceptor.js';
import { MAX_ROOMS, type NodeEntry } from '../cluster/membership/shared-state.js';
import type { Config } from '../config/load.js';
import type { MetricsRegistry } from '../metrics/registry.js';
import type { ShardSet } from '../pool/shard-set.js';
import type { Listening } from './listening.js';

/** The parts of a node that it tells of. */
export interface EntryParts {
  readonly acceptor: Acceptor;
  readonly shards: Pick<ShardSet, 'status'>;
  readonly listening: Pick<Listening, 'apps'>;
  readonly metrics: Pick<MetricsRegistry, 'activity'>;
  readonly run: string;
}

export interface EntryFacts {
  readonly config: Config;
  readonly version: string;
  /** In ms since the epoch. */
  readonly startedAt: number;
  readonly isDraining: boolean;
}

/** What a node publishes about itself to the other nodes. Its cost does not grow with the node. */
export function nodeEntry(node: EntryParts, { config, version, startedAt, isDraining }: EntryFacts): NodeEntry {
  const { acceptor, shards, listening, metrics, run } = node;
  return {
    nodeId: config.nodeId,
    publicId: config.publicNodeId,
    run,
    version,
    pid: process.pid,
    host: hostname() || 'unknown',
    port: listening.apps.port,
    startedAt,
    connections: acceptor.sessions.size,
    users: acceptor.sessions.users,
    clients: acceptor.awareness.clients,
    documents: shards.status().documents,
    draining: isDraining,
    activity: config.metricsEnabled ? metrics.activity() : undefined,
    rooms: acceptor.topics.summary(MAX_ROOMS),
  };
}
