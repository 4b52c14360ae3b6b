import { MAX_ROOMS, type ClusterRoom, type Listed, type NodeFacts, type NodeList, type Room } from './shared-state.js';

/**
 * The list of nodes as the acceptor gets it. The rooms are summed up on the thread that reads the list, so that what is
 * copied between threads grows with the number of nodes only.
 */
export interface ClusterView {
  /** As in `NodeList`. */
  readonly now: number;
  readonly known: boolean;
  readonly malformed: number;
  readonly nodes: readonly Listed<NodeFacts>[];
  readonly rooms: readonly ClusterRoom[];
}

/** Converts the list for the acceptor. */
export function viewOf({ nodes, ...list }: NodeList): ClusterView {
  const named: (readonly Room[])[] = [];
  const facts = nodes.map(({ rooms, ...others }) => {
    named.push(rooms);
    return others;
  });
  return { ...list, nodes: facts, rooms: sumRooms(named, MAX_ROOMS) };
}

/**
 * At most `limit` documents of several nodes, those with the most subscribers first. A node lists only some of its
 * documents, so a sum is a lower bound.
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
