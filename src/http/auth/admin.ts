/** The routes by which administrators manage accounts, API keys and revocations. */
import { z } from 'zod';
import { AccountError, type Accounts } from '../../auth/accounts/accounts.js';
import type { AuditDetails, AuditEvent } from '../../auth/audit.js';
import { tokenName } from '../../auth/tokens/claims.js';
import { BusyError } from '../../auth/accounts/password-pool.js';
import { permissionsSchema } from '../../auth/permissions.js';
import type { Account, ApiKey } from '../../storage/accounts/port.js';
import type { Answer } from '../answer.js';
import { comeLater, identify, ok, refuse, statuses } from './answers.js';
import type { Asked } from './exchange.js';
import type { AuthHttpDeps, AuthServices } from './ports.js';

const maxListed = 100;

const text = z.string().min(1).max(10_000);
const items = z.array(z.string()).optional();
const grants = z.strictObject({ read: items, write: items, admin: items, isAdmin: z.boolean().optional() });
const newUser = z.strictObject({
  email: text,
  password: text,
  permissions: permissionsSchema.default({ canRead: [], canWrite: [], isAdmin: false }),
});
const userChange = z.strictObject({
  password: text.optional(),
  disabled: z.boolean().optional(),
  permissions: permissionsSchema.optional(),
  grant: grants.optional(),
  revoke: grants.optional(),
});
const newKey = z.strictObject({
  name: text,
  permissions: permissionsSchema,
  expiresAt: z.iso.datetime({ offset: true }).optional(),
});
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

/** What a route does on behalf of an administrator. */
interface Work {
  readonly asked: Asked;
  readonly accounts: Accounts;
  /** What the path names after the collection. */
  readonly id: string;
  readonly audit: (event: AuditEvent, details: AuditDetails) => void;
  readonly openDocuments: () => object;
}

type AdminRoute = (work: Work) => Promise<Answer>;

const routes: Readonly<Record<string, AdminRoute>> = {
  'get users': listUsers,
  'post users': addUser,
  'get users/:id': async ({ accounts, id }) => ok(shownUser(await accounts.find(id))),
  'patch users/:id': changeUser,
  'delete users/:id': async ({ accounts, id, audit }) => {
    const account = await accounts.remove(id);
    audit('user_removed', { target: account.id });
    return ok({ success: true });
  },
  'get keys': async ({ accounts }) => ok({ keys: (await accounts.listKeys()).map(shownKey) }),
  'post keys': addKey,
  'delete keys/:id': async ({ accounts, id, audit }) => {
    await accounts.revokeKey(id);
    audit('key_revoked', { target: id });
    return ok({ success: true });
  },
  'post revocations': revoke,
  'post access/:id': refreshAccess,
  'get documents': ({ openDocuments }) => Promise.resolve(ok(openDocuments())),
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
    return await route({ asked, accounts, id: decode(id ?? ''), audit, openDocuments: deps.openDocuments });
  } catch (error) {
    return answerTo(error);
  }
}

async function listUsers({ asked, accounts }: Work): Promise<Answer> {
  const limit = Math.min(maxListed, Math.max(1, Number(asked.query.get('limit') ?? maxListed) || maxListed));
  const users = await accounts.list(asked.query.get('after') ?? '', limit);
  const last = users.at(-1);
  return ok({ users: users.map(shownUser), next: users.length < limit ? null : (last?.email ?? null) });
}

async function addUser({ asked, accounts, audit }: Work): Promise<Answer> {
  const { email, password, permissions } = newUser.parse(asked.body);
  const account = await accounts.add(email, password, permissions);
  audit('user_added', { target: account.id, change: { email: account.email, permissions } });
  return { status: statuses.created, body: shownUser(account) };
}

async function changeUser({ asked, accounts, id, audit }: Work): Promise<Answer> {
  const { password, disabled, permissions, grant, revoke: less } = userChange.parse(asked.body);
  let account = await accounts.find(id);
  const target = account.id;
  if (password !== undefined) {
    account = await accounts.setPassword(target, password);
    audit('user_changed', { target, change: { passwordSet: true } });
  }
  if (disabled !== undefined) {
    account = await accounts.setDisabled(target, disabled);
    audit('user_changed', { target, change: { disabled } });
  }
  if (permissions !== undefined) {
    account = await accounts.setPermissions(target, permissions);
    audit('user_changed', { target, change: { permissions } });
  }
  if (grant !== undefined) {
    account = await accounts.grant(target, grant);
    audit('user_granted', { target, change: grant });
  }
  if (less !== undefined) {
    account = await accounts.ungrant(target, less);
    audit('user_ungranted', { target, change: less });
  }
  return ok(shownUser(account));
}

async function addKey({ asked, accounts, audit }: Work): Promise<Answer> {
  const { name, permissions, expiresAt } = newKey.parse(asked.body);
  const ends = expiresAt === undefined ? undefined : Date.parse(expiresAt);
  const { key, text: apiKey } = await accounts.addKey(name, permissions, ends);
  audit('key_added', { target: key.id, change: { name, permissions, expiresAt } });
  return { status: statuses.created, body: { ...shownKey(key), apiKey } };
}

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

export function shownUser({ id, email, isDisabled, permissions, createdAt }: Account): object {
  return { id, email, disabled: isDisabled, permissions, createdAt: new Date(createdAt).toISOString() };
}

export function shownKey({ id, name, permissions, createdAt, expiresAt, revokedAt }: ApiKey): object {
  const time = (at: number | undefined): string | null => (at === undefined ? null : new Date(at).toISOString());
  return { id, name, permissions, createdAt: time(createdAt), expiresAt: time(expiresAt), revokedAt: time(revokedAt) };
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
