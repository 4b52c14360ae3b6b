/** The cluster as the routes show it. They are public: the answers contain no host, process or address. */
import type { ClusterStatus } from '../cluster/membership/heartbeat.js';
import type { ClusterRoom } from '../cluster/membership/shared-state.js';
import { isRoom, roomName, WORDWALL } from '../protocol/rooms.js';
import type { HttpDeps } from './ports.js';

const staleNote = 'No recent list of nodes from Redis: only this node is known.';

/** @param now Milliseconds since the epoch. */
export function clusterOf({ stale, ageMs, nodes }: ClusterStatus, now: number): object {
  const sum = (count: 'connections' | 'users' | 'clients' | 'documents'): number =>
    nodes.reduce((total, { facts }) => total + facts[count], 0);
  return {
    stale,
    ...(stale ? { note: staleNote } : {}),
    // In seconds, like uptime.
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

/** At most `limit` documents with subscribers: of the cluster if there is one, else of this node. For operators. */
export function openDocuments(deps: Pick<HttpDeps, 'cluster' | 'documents'>, limit: number): object {
  const cluster = deps.cluster();
  if (cluster === undefined) return { documents: openHere(deps, limit) };
  const { stale, nodes } = cluster;
  return {
    documents: cluster.rooms.slice(0, limit),
    cluster: { stale, nodes: nodes.length, ...(stale ? { note: staleNote } : {}) },
  };
}

/** The rooms of the reference server's demo that are open, in its shape. */
export function rooms(deps: Pick<HttpDeps, 'cluster' | 'documents' | 'connections'>, limit: number): object {
  const cluster = deps.cluster();
  const open = cluster?.rooms ?? openHere(deps, limit);
  const shown = open.filter(({ id }) => isRoom(id)).slice(0, limit);
  const wordwall = open.find(({ id }) => id === WORDWALL);
  const connections = cluster?.nodes.reduce((total, { facts }) => total + facts.connections, 0);
  return {
    rooms: shown.map((room) => ({ ...roomOf(room), id: roomName(room.id) })),
    totalConnections: connections ?? deps.connections().totalConnections,
    totalRooms: shown.length,
    wordwall: wordwall === undefined ? null : roomOf(wordwall),
  };
}

function openHere(deps: Pick<HttpDeps, 'documents'>, limit: number): readonly ClusterRoom[] {
  return deps.documents(limit).documents.map((room) => ({ ...room, nodes: 1 }));
}

function roomOf({ id, subscribers, lastModified }: ClusterRoom): object {
  return { id, subscriberCount: subscribers, lastModified };
}
