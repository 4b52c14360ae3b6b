/** Two nodes whose application decides: what it takes away ends on both, by itself and when it is announced. */
import { test, type Test } from 'tap';
import { ApplicationServer } from '../../support/nodes/application-server.js';
import { ask, cheap } from '../../support/nodes/accounts.js';
import { client, secret, server, token } from '../../support/nodes/fixture.js';
import type { RawClient } from '../../support/clients/client.js';
import { newDatabase } from '../../support/postgres/postgres.js';
import { redisUrl } from '../../support/redis/redis.js';

const lost = (raw: RawClient, documentId: string): Promise<unknown> =>
  raw.expect(
    `the loss of ${documentId}`,
    (m) => m.type === 'error' && (m['details'] as { documentId?: string }).documentId === documentId,
  );

async function check(t: Test, more: NodeJS.ProcessEnv): Promise<void> {
  const database = await newDatabase();
  t.teardown(() => database.drop());
  const app = await new ApplicationServer().start();
  t.teardown(() => app.stop());
  const may = new Set(['null', 'a', 'b']);
  // An answer would count for an hour.
  app.decide = ({ documentId }) => ({ read: may.has(String(documentId)), admin: true, ttlMs: 3_600_000 });
  const env = {
    ...{ DATABASE_URL: database.url, JWT_SECRET: secret, SHARDS: '1', ...cheap, ...more },
    ...{ ACCESS_URL: app.url, ACCESS_SECRET: app.secret },
  };
  const admin = { authorization: `Bearer ${token('root', { admin: true })}` };

  for (const recheck of ['300', '0']) {
    for (const documentId of ['null', 'a', 'b']) may.add(documentId);
    const nodes = await Promise.all([1, 2].map(() => server(t, { ...env, ACCESS_RECHECK_MS: recheck })));
    const sessions = await Promise.all(nodes.map((node) => client(t, node, { token: token('ann') })));
    for (const raw of sessions) for (const documentId of ['a', 'b']) await raw.subscribe(documentId);
    const announce = async (body: object): Promise<void> => {
      if (recheck === '0') t.match(await ask(nodes[0]!, 'POST /admin/access/refresh', body, admin), { status: 200 });
    };
    may.delete('a');
    await announce({ documentId: 'a' });
    for (const raw of sessions) await lost(raw, 'a');
    for (const raw of sessions) await raw.subscribe('b');
    may.clear();
    app.decide = () => ({ ttlMs: 3_600_000 });
    await announce({ userId: 'ann' });
    for (const raw of sessions) t.equal((await raw.end()).code, 4403);
    app.decide = ({ documentId }) => ({ read: may.has(String(documentId)), admin: true, ttlMs: 3_600_000 });
    t.equal((await ask(nodes[0]!, 'POST /admin/access/refresh', {}, admin)).status, 400, 'of whom or what');
    t.equal((await ask(nodes[0]!, 'POST /admin/access/refresh', { userId: 'ann' })).status, 401);
  }
}

test('with Redis', async (t) => {
  await check(t, { REDIS_URL: await redisUrl(), REDIS_CHANNEL_PREFIX: `access-${process.pid}:` });
});

test('without Redis', async (t) => {
  await check(t, {});
});
