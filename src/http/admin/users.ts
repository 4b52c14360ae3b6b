/** The routes about accounts. */
import { z } from 'zod';
import { permissionsSchema } from '../../auth/permissions.js';
import type { Account } from '../../storage/accounts/port.js';
import type { Answer } from '../answer.js';
import { ok, statuses } from '../auth/answers.js';
import { limitOf, text, type AdminRoutes, type Work } from './route.js';

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

export const userRoutes: AdminRoutes = {
  'get users': listUsers,
  'post users': addUser,
  'get users/:id': async ({ accounts, id }) => ok(shownUser(await accounts.find(id))),
  'patch users/:id': changeUser,
  'delete users/:id': async ({ accounts, id, audit }) => {
    const account = await accounts.remove(id);
    audit('user_removed', { target: account.id });
    return ok({ success: true });
  },
};

async function listUsers({ asked, accounts }: Work): Promise<Answer> {
  const limit = limitOf(asked);
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

export function shownUser({ id, email, isDisabled, permissions, createdAt }: Account): object {
  return { id, email, disabled: isDisabled, permissions, createdAt: new Date(createdAt).toISOString() };
}
