import type { ThrottlePolicy } from '../cluster/membership/shared-state.js';
import type { ShardSet } from './shard-set.js';
import type { ClusterAnswer, ClusterRequest, ClusterResults, Work } from '../messages/work.js';

/**
 * The state that nodes share, as the acceptor's thread asks for it: through the first shard, which has the connection.
 *
 * @throws Error with a reason for operators: no connection, no answer in time, or no worker just now. All within
 * seconds, unless the worker's thread stands still.
 */
export async function askCluster<Kind extends ClusterRequest['kind']>(
  { links: [first] }: Pick<ShardSet, 'links'>,
  request: Extract<ClusterRequest, { readonly kind: Kind }>,
): Promise<ClusterResults[Kind]> {
  if (first === undefined) throw new Error('there is no shard');
  // Of our own worker, which answers each request with its result.
  const answer = (await first.ask({ kind: 'cluster', request } satisfies Work)) as ClusterAnswer<Kind>;
  if (!answer.ok) throw new Error(answer.reason);
  return answer.result;
}

/** Counts attempts where all nodes count them. */
export function clusterThrottle(shards: Pick<ShardSet, 'links'>) {
  return {
    attempt: (key: string, policy: ThrottlePolicy): Promise<number> =>
      askCluster(shards, { kind: 'attempt', key, policy }),
    clear: (key: string): Promise<void> => askCluster(shards, { kind: 'settle', key, how: 'clear' }),
    takeBack: (key: string): Promise<void> => askCluster(shards, { kind: 'settle', key, how: 'takeBack' }),
  };
}
