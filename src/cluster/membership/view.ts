import { MAX_ROOMS, type ClusterRoom, type Listed, type NodeFacts, type NodeList, type Room } from './shared-state.js';

/**
 * The list of nodes as the acceptor gets it. The rooms are added up where the list is read, so that what crosses
 * threads grows with the nodes and not with what is in them.
 */
export interface ClusterView {
  /** As in `NodeList`. */
  readonly now: number;
  readonly known: boolean;
  readonly malformed: number;
  readonly nodes: readonly Listed<NodeFacts>[];
  readonly rooms: readonly ClusterRoom[];
}

/** Takes the list apart for the acceptor. */
export function viewOf({ nodes, ...list }: NodeList): ClusterView {
  const named: (readonly Room[])[] = [];
  const facts = nodes.map(({ rooms, ...others }) => {
    named.push(rooms);
    return others;
  });
  return { ...list, nodes: facts, rooms: sumRooms(named, MAX_ROOMS) };
}

/**
 * The documents of several nodes, those with the most subscribers first, no more than `limit`. A node names only some
 * of its documents, so the sums are no larger than the truth, and may be smaller.
 */
function sumRooms(named: readonly (readonly Room[])[], limit: number): ClusterRoom[] {
  const sums = new Map<string, ClusterRoom>();
  for (const { id, subscribers, lastModified } of named.flat()) {
    const sum = sums.get(id);
    sums.set(id, {
      id,
      subscribers: subscribers + (sum?.subscribers ?? 0),
      lastModified: Math.max(lastModified, sum?.lastModified ?? 0),
      nodes: 1 + (sum?.nodes ?? 0),
    });
  }
  return [...sums.values()].sort((a, b) => b.subscribers - a.subscribers).slice(0, limit);
}
