/** The routes about API keys. */
import { z } from 'zod';
import { permissionsSchema } from '../../auth/permissions.js';
import type { ApiKey } from '../../storage/accounts/port.js';
import type { Answer } from '../answer.js';
import { ok, statuses } from '../auth/answers.js';
import { text, type AdminRoutes, type Work } from './route.js';

const newKey = z.strictObject({
  name: text,
  permissions: permissionsSchema,
  expiresAt: z.iso.datetime({ offset: true }).optional(),
});

export const keyRoutes: AdminRoutes = {
  'get keys': async ({ accounts }) => ok({ keys: (await accounts.listKeys()).map(shownKey) }),
  'post keys': addKey,
  'delete keys/:id': async ({ accounts, id, audit }) => {
    await accounts.revokeKey(id);
    audit('key_revoked', { target: id });
    return ok({ success: true });
  },
};

async function addKey({ asked, accounts, audit }: Work): Promise<Answer> {
  const { name, permissions, expiresAt } = newKey.parse(asked.body);
  const ends = expiresAt === undefined ? undefined : Date.parse(expiresAt);
  const { key, text: apiKey } = await accounts.addKey(name, permissions, ends);
  audit('key_added', { target: key.id, change: { name, permissions, expiresAt } });
  return { status: statuses.created, body: { ...shownKey(key), apiKey } };
}

export function shownKey({ id, name, permissions, createdAt, expiresAt, revokedAt }: ApiKey): object {
  const time = (at: number | undefined): string | null => (at === undefined ? null : new Date(at).toISOString());
  return { id, name, permissions, createdAt: time(createdAt), expiresAt: time(expiresAt), revokedAt: time(revokedAt) };
}
