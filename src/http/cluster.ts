/** What the routes tell of the cluster. They are open to everybody: no host, no process, no address is in it. */
import type { ClusterStatus } from '../cluster/membership/heartbeat.js';
import type { HttpDeps } from './ports.js';

const staleNote = 'There is no list of nodes from Redis that is recent enough: only this node is known.';

/** @param now Milliseconds since the epoch. */
export function clusterOf({ stale, ageMs, nodes }: ClusterStatus, now: number): object {
  const sum = (count: 'connections' | 'users' | 'clients' | 'documents'): number =>
    nodes.reduce((total, { facts }) => total + facts[count], 0);
  return {
    stale,
    ...(stale ? { note: staleNote } : {}),
    // Seconds, as uptime.
    age: ageMs === undefined ? null : ageMs / 1_000,
    nodes: nodes.map(({ facts: { publicId, version, startedAt, connections, documents, draining }, self }) => ({
      id: publicId,
      version,
      uptime: Math.max(0, now - startedAt) / 1_000,
      connections,
      documents,
      draining,
      self,
    })),
    totals: {
      nodes: nodes.length,
      connections: sum('connections'),
      users: sum('users'),
      clients: sum('clients'),
      documents: sum('documents'),
    },
  };
}

/** Documents with subscribers: of the cluster if there is one, else of this node; no more than `limit`. */
export function rooms(deps: Pick<HttpDeps, 'cluster' | 'documents'>, limit: number): object {
  const cluster = deps.cluster();
  if (cluster === undefined) {
    return { rooms: deps.documents(limit).documents.map((room) => ({ ...room, nodes: 1 })) };
  }
  const { stale, nodes } = cluster;
  return {
    rooms: cluster.rooms.slice(0, limit),
    cluster: { stale, nodes: nodes.length, ...(stale ? { note: staleNote } : {}) },
  };
}
