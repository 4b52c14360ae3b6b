/** A server with two kinds of issuers, users of every role, and credentials that it has ended. */
import type { Test } from 'tap';
import { ask, cheap, command } from './accounts.js';
import { client, folder, server } from './fixture.js';
import { forgeries, genuine, settings, type Refused } from '../values/forged.js';
import { until, type ServerProcess } from './server.js';

export const metricsToken = 'a token for scrapes of the tests';

/** Names of the credentials that are accepted. */
export type Role = 'reader' | 'writer' | 'both' | 'denied' | 'admin';

export interface ForgedServer {
  readonly node: ServerProcess;
  /** Credentials that count. */
  readonly roles: Readonly<Record<Role, string>>;
  /** Everything that must not. */
  readonly refused: readonly Refused[];
}

const permissions = (canRead: readonly string[], canWrite: readonly string[], isAdmin = false): object => ({
  permissions: { canRead, canWrite, isAdmin },
});

export async function forgedServer(t: Test, env: NodeJS.ProcessEnv = {}): Promise<ForgedServer> {
  const directory = await folder(t);
  const all: NodeJS.ProcessEnv = { ...settings(directory), ...cheap, SYNCKIT_DATA_DIR: `${directory}/data`, ...env };
  const issued = { JWT_AUDIENCE: all['JWT_AUDIENCE'], JWT_ISSUER: all['JWT_ISSUER'], JWT_SECRET: all['JWT_SECRET'] };
  const node = await server(t, {
    ...all,
    METRICS_TOKEN: metricsToken,
    SHARDS: '1',
    SYNCKIT_MAX_UNAUTHENTICATED_BYTES: '64GiB',
  });
  const own = { ...issued, SYNCKIT_DATA_DIR: `${directory}/data` };
  const run = async (...args: string[]): Promise<string> => {
    const { code, out, err } = await command(own, args, 'a good password');
    if (code !== 0) throw new Error(err);
    return out.trim();
  };
  const roles = {
    reader: genuine({ userId: 'reader', ...permissions(['doc:*'], []) }),
    writer: genuine({ userId: 'writer', ...permissions([], ['doc:*']) }),
    both: genuine({ userId: 'both', ...permissions(['doc:*'], ['doc:*']) }),
    denied: genuine({ userId: 'denied', ...permissions(['*', '!doc:*'], ['*', '!doc:*']) }),
    admin: genuine({ userId: 'admin', ...permissions([], [], true) }),
  };

  const byName = genuine({ jti: 'revoked by its name' });
  const byUser = genuine({ userId: 'revoked', iat: Math.floor(Date.now() / 1_000) - 5 });
  await run('user', 'add', 'disabled@example.com', '--admin');
  const signedIn = await ask(node, 'POST /auth/login', { email: 'disabled@example.com', password: 'a good password' });
  const ofAccount = String(signedIn.body['accessToken']);
  const key = (await run('key', 'add', 'revoked', '--read', '*', '--write', '*')).match(/sk_\S+/)?.[0] ?? '';
  const ending = await Promise.all([byName, byUser, ofAccount, key].map((text) => client(t, node, { token: text })));
  const asAdmin = { authorization: `Bearer ${roles.admin}` };
  await ask(node, 'POST /admin/revocations', { token: byName }, asAdmin);
  await ask(node, 'POST /admin/revocations', { userId: 'revoked' }, asAdmin);
  await ask(node, `DELETE /admin/keys/${key.split('_')[1] ?? ''}`, undefined, asAdmin);
  await ask(node, 'PATCH /admin/users/disabled@example.com', { disabled: true }, asAdmin);
  await until('the end of open connections', () => ending.every(({ closed }) => closed !== undefined));

  const refused: Refused[] = [
    ...(await forgeries()),
    { what: 'revoked by its name', text: byName, code: 'TOKEN_REVOKED' },
    { what: 'of a user whose tokens were revoked', text: byUser, code: 'TOKEN_REVOKED' },
    { what: 'of a disabled account', text: ofAccount, code: 'ACCESS_ENDED' },
    { what: 'a revoked key', text: key, code: 'ACCESS_ENDED' },
    { what: 'a key with another secret', text: `${key.slice(0, -4)}AAAA`, code: 'AUTH_FAILED' },
    { what: 'a refresh token', text: String(signedIn.body['refreshToken']), code: 'AUTH_FAILED' },
  ];
  return { node, roles, refused };
}
