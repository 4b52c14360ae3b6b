/** What the HTTP routes need from the node. */
import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import type { Config } from '../config/load.js';
import type { Logger } from '../log.js';
import type { ClusterStatus } from '../cluster/membership/heartbeat.js';

export interface Readiness {
  readonly ready: boolean;
  /** Why it is not ready: sentences for operators, without secrets. Empty when ready. */
  readonly reasons: readonly string[];
  /** Problems that do not keep the node from serving, as sentences. */
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
  /** At most as many as requested. */
  readonly documents: readonly {
    readonly id: string;
    readonly subscribers: number;
    /** When a change was last published, in ms since the epoch; 0 if never. */
    readonly lastModified: number;
  }[];
}

/** All functions return at once, from data on the acceptor's thread; none may throw. */
export interface HttpDeps {
  readonly config: Pick<Config, 'corsOrigins' | 'isOpenByDefault' | 'environment' | 'metricsToken'>;
  readonly log: Logger;
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readiness(): Readiness;
  connections(): ConnectionCounts;
  documents(limit: number): DocumentCounts;
  /** Undefined for a node without a bus. */
  cluster(): ClusterStatus | undefined;
  /** The status with which a request is refused at once; undefined when it may have an answer. */
  refusalOf(response: HttpResponse, request: HttpRequest): string | undefined;
  /** Whether the node is shutting down; then connections are not kept alive. */
  draining(): boolean;
}
