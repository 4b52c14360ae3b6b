/** SYNCKIT_DEMO_AUTH: the sign-in of the reference server, for demos only. */
import { test } from 'tap';
import { ask, cheap, command } from '../../support/nodes/accounts.js';
import { client, folder, secret, server } from '../../support/nodes/fixture.js';
import { startServer } from '../../support/nodes/server.js';

const demo = { JWT_SECRET: secret, SHARDS: '1', SYNCKIT_DEMO_AUTH: 'true', ...cheap };

test('everybody is let in with any password, and gets what was asked for but the administration', async (t) => {
  const env = { ...demo, NODE_ENV: 'development', SYNCKIT_DATA_DIR: await folder(t) };
  const node = await server(t, env);
  const login = (permissions?: unknown): ReturnType<typeof ask> =>
    ask(node, 'POST /auth/login', { email: 'demo@example.com', password: 'anything', permissions });
  const wanted = { canRead: ['*'], canWrite: ['room:*'], canAdmin: ['*'], isAdmin: true };
  const { status, body } = await login(wanted);
  t.equal(status, 200);
  t.match(body, { email: 'demo@example.com', permissions: { canRead: ['*'], canWrite: ['room:*'], isAdmin: false } });
  t.notOk((body['permissions'] as object & { canAdmin?: unknown }).canAdmin);
  const authorization = `Bearer ${String(body['accessToken'])}`;
  t.match(await ask(node, 'GET /auth/me', undefined, { authorization }), {
    status: 200,
    body: { userId: body['userId'], permissions: { isAdmin: false } },
  });
  t.equal((await ask(node, 'GET /admin/users', undefined, { authorization })).status, 403);
  const raw = await client(t, node, { token: String(body['accessToken']) });
  await raw.acked(raw.set('room:a', 'f', 1));
  t.match((await raw.refused(raw.set('other', 'f', 1))).details, { code: 'PERMISSION_DENIED' });

  const { body: renewed } = await ask(node, 'POST /auth/refresh', { refreshToken: body['refreshToken'] });
  const again = await client(t, node, { token: String(renewed['accessToken']) });
  t.match(await again.subscribe('room:a'), { state: { f: 1 } });
  t.equal((await login(undefined)).status, 200, 'permissions may be left out');
  for (const odd of ['*', { canRead: '*', canWrite: [] }, [1]]) t.equal((await login(odd)).status, 400);
  t.equal((await ask(node, 'POST /auth/login', { email: 'demo@example.com' })).status, 400);
});

test('whoever has an account needs its password', async (t) => {
  const env = { ...demo, NODE_ENV: 'development', SYNCKIT_DATA_DIR: await folder(t) };
  t.equal((await command(env, ['user', 'add', 'root@example.com', '--admin'], 'the password')).code, 0);
  const node = await server(t, env);
  const login = (password: string, email = 'root@example.com'): ReturnType<typeof ask> =>
    ask(node, 'POST /auth/login', { email, password });
  t.equal((await login('anything')).status, 401);
  t.equal((await login('anything', ' ROOT@example.com')).status, 401, 'however it is spelt');
  t.match(await login('the password'), { status: 200, body: { permissions: { isAdmin: true } } });
  // What rests on an account or a key is not turned into a token that rests on nothing.
  t.equal((await command(env, ['user', 'add', 'ann@example.com', '--read', '*'], 'her password')).code, 0);
  const { body } = await login('her password', 'ann@example.com');
  t.equal((await ask(node, 'POST /auth/refresh', { refreshToken: body['accessToken'] })).status, 401);
});

test('not without the variable, and not in production', async (t) => {
  const node = await server(t, { ...demo, SYNCKIT_DEMO_AUTH: 'false' });
  t.equal((await ask(node, 'POST /auth/login', { email: 'demo@example.com', password: 'anything' })).status, 401);
  const production = { ...demo, NODE_ENV: 'production', SYNCKIT_DATA_DIR: await folder(t) };
  const { code, err } = await command(production, ['check-config']);
  t.equal(code, 1);
  t.match(err, /SYNCKIT_DEMO_AUTH must be off when NODE_ENV is production/);
  await t.rejects(startServer(production), { message: /SYNCKIT_DEMO_AUTH must be off/ });
});
