/** Who is connected, and ending connections. */
import type { Answer } from '../answer.js';
import { ok } from '../auth/answers.js';
import type { AdminRoutes, Work } from './route.js';
import { limitOf } from './route.js';
import { disconnectBody } from './schemas.js';

export const connectionRoutes: AdminRoutes = {
  'get connections': listConnections,
  'post disconnect': disconnect,
};

function listConnections({ asked, node }: Work): Answer {
  const limit = limitOf(asked);
  const { publicId, connections, users: total, clients } = node.facts();
  const user = asked.query.get('user');
  const totals = { node: publicId, connections, users: total, clients };
  if (user !== null) return ok({ ...totals, user, list: node.connectionsOf(user, limit) });
  const list = node.users(limit);
  return ok({ ...totals, list, isComplete: list.length === total });
}

async function disconnect({ asked, accounts, audit }: Work): Promise<Answer> {
  const target = disconnectBody.parse(asked.body);
  audit('disconnected', { target: 'userId' in target ? target.userId : target.documentId, change: target });
  await accounts.order({ kind: 'disconnect', ...target });
  return { status: '202 Accepted', body: { success: true } };
}
