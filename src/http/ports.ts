/** What the HTTP routes need to know about the node. */
import type { Config } from '../config/load.js';
import type { Logger } from '../log.js';
import type { ClusterStatus } from '../cluster/membership/heartbeat.js';

export interface Readiness {
  readonly ready: boolean;
  /** Why not; empty when ready. Sentences for operators, without anything secret. */
  readonly reasons: readonly string[];
  /** What is wrong without keeping the node from serving; sentences as well. */
  readonly notes: readonly string[];
}

export interface ConnectionCounts {
  readonly totalConnections: number;
  /** Different users among the authenticated connections. */
  readonly totalUsers: number;
  /** Client ids that are bound to connections. */
  readonly totalClients: number;
}

export interface DocumentCounts {
  readonly totalDocuments: number;
  /** No more than were asked for. */
  readonly documents: readonly {
    readonly id: string;
    readonly subscribers: number;
    /** Milliseconds since the epoch. */
    readonly lastModified: number;
  }[];
}

/** All functions answer at once from what the acceptor knows; none may throw. */
export interface HttpDeps {
  readonly config: Pick<Config, 'corsOrigins'>;
  readonly log: Logger;
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readiness(): Readiness;
  connections(): ConnectionCounts;
  documents(limit: number): DocumentCounts;
  /** Undefined for a node that is alone by its configuration. */
  cluster(): ClusterStatus | undefined;
  /** Whether the node is shutting down: connections are then not kept alive. */
  draining(): boolean;
}
