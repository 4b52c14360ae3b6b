/** Two nodes: what is ended anywhere ends everywhere, with Redis and without. */
import { test, type Test } from 'tap';
import { ask, cheap, command } from '../../support/nodes/accounts.js';
import { client, secret, server } from '../../support/nodes/fixture.js';
import { newDatabase } from '../../support/postgres/postgres.js';
import { redisUrl } from '../../support/redis/redis.js';

async function check(t: Test, more: NodeJS.ProcessEnv): Promise<void> {
  const database = await newDatabase();
  t.teardown(() => database.drop());
  const env = { DATABASE_URL: database.url, JWT_SECRET: secret, SHARDS: '1', ...cheap };
  const [a, b] = [await server(t, { ...env, ...more }), await server(t, { ...env, ...more })];
  const right = { email: 'ann@example.com', password: 'correct horse' };
  await command(env, ['user', 'add', right.email, '--read', 'doc,other', '--write', 'doc'], `${right.password}\n`);
  const { out } = await command(env, ['key', 'add', 'ci', '--admin']);
  const admin = { 'x-api-key': out.trim() };

  const { body: ann } = await ask(a, 'POST /auth/login', right);
  const sessions = await Promise.all([a, b].map((node) => client(t, node, { token: ann['accessToken'] as string })));
  for (const raw of sessions) for (const documentId of ['doc', 'other']) await raw.subscribe(documentId);
  // The nodes learn of a key in the same way.
  let status = 0;
  while (status !== 200) ({ status } = await ask(b, 'GET /admin/users', undefined, admin));

  await ask(b, `PATCH /admin/users/${right.email}`, { revoke: { read: ['other'] } }, admin);
  for (const raw of sessions) {
    await raw.expect('the loss', (m) => (m['details'] as { documentId?: string } | undefined)?.documentId === 'other');
    await raw.acked(raw.set('doc', 'f', 1));
  }
  t.match(await ask(b, 'POST /auth/logout', { refreshToken: ann['refreshToken'] }), { status: 200 });
  for (const raw of sessions) t.equal((await raw.end()).code, 4401);

  const { body: again } = await ask(b, 'POST /auth/login', right);
  const later = await Promise.all([a, b].map((node) => client(t, node, { token: again['accessToken'] as string })));
  for (const raw of later) await raw.subscribe('doc');
  await command(env, ['user', 'disable', right.email]);
  for (const raw of later) t.equal((await raw.end()).code, 4403);

  const statuses = [];
  for (let i = 0; i < 7; i++) {
    const guess = { email: 'bob@example.com', password: 'guess' };
    statuses.push((await ask(i % 2 === 0 ? a : b, 'POST /auth/login', guess)).status);
  }
  t.equal(statuses.includes(429), more['REDIS_URL'] !== undefined, 'with Redis, nodes count attempts together');

  const rows = await database.query("SELECT event FROM audit_log WHERE event = 'sign_in_refused'");
  t.equal(rows.length > 0, more['SYNCKIT_AUDIT_TABLE'] === 'true');
}

test('with Redis', async (t) => {
  await check(t, { REDIS_URL: await redisUrl(), REDIS_CHANNEL_PREFIX: `revocation-${process.pid}:` });
});

test('without Redis', async (t) => {
  await check(t, { SYNCKIT_AUDIT_TABLE: 'true' });
});
