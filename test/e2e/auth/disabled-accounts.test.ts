/** Whoever is disabled does not come back with a token that was signed before, whoever has signed it. */
import { test, type Test } from 'tap';
import { ask, cheap, command } from '../../support/nodes/accounts.js';
import { client, folder, secret, server, token } from '../../support/nodes/fixture.js';
import { newDatabase } from '../../support/postgres/postgres.js';
import { until } from '../../support/nodes/server.js';

async function check(t: Test, storage: NodeJS.ProcessEnv): Promise<void> {
  const env = { ...storage, JWT_SECRET: secret, SHARDS: '1', ...cheap };
  const node = await server(t, env);
  const asRoot = { authorization: `Bearer ${token('root', { admin: true })}` };
  for (const way of ['disable', 'remove']) {
    const email = `${way}@example.com`;
    const login = { email, password: 'a good password' };
    const { body } = await ask(node, 'POST /admin/users', login, asRoot);
    const id = String(body['id']);
    const { body: signedIn } = await ask(node, 'POST /auth/login', login);
    const tokens = [token(id, { read: ['*'], write: ['*'] }), String(signedIn['accessToken'])];
    const other = await client(t, node, { token: token('other', { read: ['*'] }) });
    const live = await Promise.all(tokens.map((text) => client(t, node, { token: text })));
    for (const raw of live) await raw.roundTrip();
    const { code, err } = await command(env, ['user', way, email]);
    t.equal(code, 0, err);
    for (const raw of live) t.equal((await raw.end()).code, 4403, `${way}: open connections`);
    for (const text of tokens) {
      const again = await client(t, node, { token: text });
      t.ok([4401, 4403].includes((await again.end()).code), `${way}: a token from before`);
      const me = await ask(node, 'GET /auth/me', undefined, { authorization: `Bearer ${text}` });
      t.equal(me.status, 401, `${way}: HTTP`);
    }
    await other.roundTrip();
    if (way === 'remove') continue;
    t.equal((await command(env, ['user', 'enable', email])).code, 0);
    const old = await client(t, node, { token: tokens[0]! });
    t.equal((await old.end()).code, 4401, 'it stays refused');
    // The times of tokens are whole seconds.
    await until('a token from afterwards that is let in', async () => {
      const raw = await client(t, node, { token: token(id, { read: ['*'] }) });
      if (raw.closed === undefined) raw.send('subscribe', { documentId: 'd' });
      await until('an answer', () => raw.closed !== undefined || raw.received('sync_response').length > 0);
      return raw.closed === undefined;
    });
  }
}

test('with the embedded storage', async (t) => {
  await check(t, { SYNCKIT_DATA_DIR: await folder(t) });
});

test('with Postgres', async (t) => {
  const database = await newDatabase();
  t.teardown(() => database.drop());
  await check(t, { DATABASE_URL: database.url, SYNCKIT_DATA_DIR: await folder(t) });
});
