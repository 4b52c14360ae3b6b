/** What the routes of administrators need from the node. */
import type { ClusterStatus } from '../../cluster/membership/heartbeat.js';
import type { FailedEvent } from '../../storage/webhooks/port.js';
import type { NodeFacts } from '../../cluster/membership/shared-state.js';

/** Deliveries to the webhook. */
export interface WebhookPort {
  /** Of this node, about a second ago. */
  readonly status: () => {
    readonly isDelivering: boolean;
    readonly isPaused: boolean;
    readonly pending: number;
    readonly failing: number;
    /** In ms since the epoch. */
    readonly oldestAt: number | undefined;
    readonly dead: number;
  };
  /** Events that were given up, behind a document. */
  readonly dead: (after: string, limit: number) => Promise<readonly FailedEvent[]>;
  /** Lets them be tried again. @returns How many. */
  readonly retry: (documentId: string | undefined) => Promise<number>;
}

/** A user and how many connections there are of it. */
export interface UserConnections {
  /** The id of the user; for clients without one, followed by their address. */
  readonly user: string;
  readonly connections: number;
}

/** One connection of a user. */
export interface ConnectionFacts {
  /** Of the client, behind trusted proxies. */
  readonly address: string;
  readonly kind: 'websocket' | 'http';
  readonly encoding: 'binary' | 'json';
  readonly subscriptions: number;
}

export interface AdminDeps {
  /** The documents with subscribers. */
  readonly openDocuments: () => object;
  /** This node. */
  readonly facts: () => NodeFacts;
  /** Undefined for a node without a bus. */
  readonly cluster: () => ClusterStatus | undefined;
  /** At most `limit` users that are connected to this node. Its cost does not grow with the node. */
  readonly users: (limit: number) => readonly UserConnections[];
  /** At most `limit` connections of a user to this node. @param user As `users` names it. */
  readonly connectionsOf: (user: string, limit: number) => readonly ConnectionFacts[];
  /** Drains this node, as SIGTERM does. */
  readonly drain: () => void;
  /** Undefined where nobody is told of changes. */
  readonly webhook: WebhookPort | undefined;
}
