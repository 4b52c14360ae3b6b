/** The routes below /admin/, for administrators: who may use them, which there are, and what they answer to errors. */
import { z } from 'zod';
import { AccountError } from '../../auth/accounts/accounts.js';
import type { AuditDetails, AuditEvent } from '../../auth/audit.js';
import { BusyError } from '../../auth/accounts/password-pool.js';
import type { Answer } from '../answer.js';
import { comeLater, identify, ok, refuse } from '../auth/answers.js';
import type { Asked } from '../auth/exchange.js';
import type { AuthHttpDeps, AuthServices } from '../auth/ports.js';
import { accessRoutes } from './access.js';
import { connectionRoutes } from './connections.js';
import { keyRoutes } from './keys.js';
import { nodeRoutes } from './nodes.js';
import type { AdminRoutes } from './route.js';
import { userRoutes } from './users.js';
import { webhookRoutes } from './webhooks.js';

const routes: AdminRoutes = {
  ...userRoutes,
  ...keyRoutes,
  ...accessRoutes,
  ...nodeRoutes,
  ...connectionRoutes,
  ...webhookRoutes,
  'get documents': ({ node }) => ok(node.openDocuments()),
};

/** Answers a request of a path below /admin/. */
export async function administer(deps: AuthHttpDeps, asked: Asked, { accounts }: AuthServices): Promise<Answer> {
  const { requestId, address } = asked;
  const known = await identify(deps, asked);
  if ('answer' in known) {
    deps.audit().write('admin_refused', { address, requestId, target: asked.path, reason: known.reason });
    return known.answer;
  }
  const { userId, permissions } = known.identity;
  if (!permissions.isAdmin) {
    deps
      .audit()
      .write('admin_refused', { actor: userId, address, requestId, target: asked.path, reason: 'PERMISSION_DENIED' });
    return refuse('forbidden', 'Admin permission required');
  }
  const [collection = '', id, ...rest] = asked.path.replace(/^\/admin\//, '').split('/');
  const pattern = id === undefined ? collection : `${collection}/:id`;
  const route = routes[`${asked.method} ${pattern}`];
  if (route === undefined || rest.length > 0) {
    const methods = Object.keys(routes)
      .filter((key) => key.endsWith(` ${pattern}`))
      .map((key) => key.split(' ')[0]?.toUpperCase());
    if (methods.length === 0 || rest.length > 0) return refuse('notFound', 'Not found');
    return { ...refuse('notAllowed', 'Method not allowed'), headers: [['Allow', methods.join(', ')]] };
  }
  const audit = (event: AuditEvent, details: AuditDetails): void => {
    deps.audit().write(event, { actor: userId, address, requestId, ...details });
  };
  try {
    return await route({ asked, accounts, id: decode(id ?? ''), audit, node: deps.node });
  } catch (error) {
    return answerTo(error);
  }
}

function answerTo(error: unknown): Answer {
  if (error instanceof z.ZodError) {
    const [issue] = error.issues;
    return refuse('bad', `Invalid request: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim());
  }
  if (error instanceof BusyError) return comeLater('unavailable', 'Too many sign-ins', 1_000);
  if (!(error instanceof AccountError)) throw error;
  const kinds = { invalid: 'bad', exists: 'conflict', unknown: 'notFound', full: 'full' } as const;
  return refuse(kinds[error.kind], error.message);
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
