/** The requests about the shared state, answered in the first shard's worker. */
import { MAX_ROOMS, type ClusterRoom, type NodeList, type Room, type SharedState } from '../cluster/shared-state.js';
import type { ClusterAnswer, ClusterRequest, ClusterResults, ClusterView } from '../shards/work.js';

/** Never rejects: that nothing could be done is an answer. */
export async function answerCluster(state: SharedState | undefined, request: ClusterRequest): Promise<ClusterAnswer> {
  if (state === undefined) return { ok: false, reason: 'this shard has no shared state' };
  try {
    return { ok: true, result: await resultOf(state, request) };
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

async function resultOf(state: SharedState, request: ClusterRequest): Promise<ClusterResults[keyof ClusterResults]> {
  switch (request.kind) {
    case 'announce':
      return viewOf(await state.announce(request.entry, request.leaseMs));
    case 'leave':
      await state.leave(request.run);
      return undefined;
    case 'count':
      return state.count(request.key, request.windowMs);
    case 'mark':
      await state.mark(request.key, request.ttlMs);
      return undefined;
    case 'isMarked':
      return state.isMarked(request.key);
  }
}

function viewOf({ nodes, ...list }: NodeList): ClusterView {
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
