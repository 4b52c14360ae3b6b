/** The routes that revoke access, and have it decided anew. */
import { z } from 'zod';
import { tokenName } from '../../auth/tokens/claims.js';
import type { Answer } from '../answer.js';
import { ok, refuse, statuses } from '../auth/answers.js';
import { text, type AdminRoutes, type Work } from './route.js';

const accessChange = z
  .strictObject({ userId: z.string().min(1).max(256).optional(), documentId: z.string().min(1).max(256).optional() })
  .refine(
    ({ userId, documentId }) => userId !== undefined || documentId !== undefined,
    'userId or documentId is needed',
  );
const revocation = z.union([
  z.strictObject({ userId: text }),
  z.strictObject({ token: text }),
  z.strictObject({ tokenId: text }),
]);

export const accessRoutes: AdminRoutes = {
  'post revocations': revoke,
  'post access/:id': refreshAccess,
};

async function revoke({ asked, accounts, audit }: Work): Promise<Answer> {
  const given = revocation.parse(asked.body);
  if ('userId' in given) {
    await accounts.revoke('user', given.userId);
    audit('user_revoked', { target: given.userId });
  } else {
    const { id, expiresAt } = 'token' in given ? tokenName(given.token) : { id: given.tokenId, expiresAt: undefined };
    await accounts.revoke('token', id, expiresAt);
    audit('token_revoked', { target: id });
  }
  return { status: statuses.created, body: { success: true } };
}

/** Counts on every node a moment later; without ACCESS_URL there is nothing that it could change. */
async function refreshAccess({ asked, accounts, id, audit }: Work): Promise<Answer> {
  if (id !== 'refresh') return refuse('notFound', 'Not found');
  const change = accessChange.parse(asked.body);
  await accounts.refreshAccess(change);
  audit('access_refreshed', { target: change.userId, change });
  return ok({ success: true });
}
