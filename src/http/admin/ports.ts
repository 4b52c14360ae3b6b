/** What the routes of administrators need from the node. */
import type { ClusterStatus } from '../../cluster/membership/heartbeat.js';
import type { NodeFacts } from '../../cluster/membership/shared-state.js';

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
}
