/** The requests about the shared state, answered in the first shard's worker. */
import type { SharedState } from '../../cluster/membership/shared-state.js';
import { viewOf } from '../../cluster/membership/view.js';
import type { ClusterAnswer, ClusterRequest, ClusterResults } from '../../messages/work.js';

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
    case 'attempt':
      return state.attempt(request.key, request.policy);
    case 'settle':
      await (request.how === 'clear' ? state.clear(request.key) : state.takeBack(request.key));
      return undefined;
  }
}
