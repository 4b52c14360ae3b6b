/** The nodes of the cluster, and draining them. */
import type { z } from 'zod';
import type { NodeFacts } from '../../cluster/membership/shared-state.js';
import { latencies } from '../../metrics/buckets.js';
import type { Answer } from '../answer.js';
import { ok, refuse } from '../auth/answers.js';
import type { AdminDeps } from './ports.js';
import type { AdminRoutes, Work } from './route.js';
import { drainBody, type nodesSchema } from './schemas.js';

type Nodes = z.infer<typeof nodesSchema>;

export const nodeRoutes: AdminRoutes = {
  'get nodes': ({ node }) => ok(nodesOf(node, Date.now())),
  'post drain': drain,
};

/** @param now Milliseconds since the epoch. */
function nodesOf(node: AdminDeps, now: number): Nodes {
  const cluster = node.cluster();
  const known = cluster?.nodes ?? [{ facts: node.facts(), self: true }];
  return {
    isStale: cluster?.stale ?? false,
    nodes: known.map(({ facts, self }) => ({ ...nodeOf(facts, now), self })),
    ackBounds: [...latencies],
  };
}

function nodeOf(facts: NodeFacts, now: number): Omit<Nodes['nodes'][number], 'self'> {
  const { publicId, run, version, host, port, pid, startedAt, activity } = facts;
  const { connections, users, clients, documents, draining } = facts;
  return {
    ...{ id: publicId, run, state: draining ? 'draining' : 'running', version, host, port, pid },
    uptime: Math.max(0, now - startedAt) / 1_000,
    ...{ connections, users, clients, documents },
    activity: activity === undefined ? null : { deliveries: activity.deliveries, acks: [...activity.acks] },
  };
}

async function drain({ asked, accounts, node, audit }: Work): Promise<Answer> {
  const { node: wanted } = drainBody.parse(asked.body ?? {});
  const own = node.facts().publicId;
  const id = wanted ?? own;
  const known = node.cluster()?.nodes.map(({ facts }) => facts.publicId) ?? [own];
  if (!known.includes(id)) return refuse('notFound', 'There is no such node');
  audit('drain_ordered', { target: id });
  // After the answer: what it was sent on is closed soon.
  if (id === own) setImmediate(node.drain);
  else await accounts.order({ kind: 'drain', node: id });
  return { status: '202 Accepted', body: { node: id, state: 'draining' } };
}
