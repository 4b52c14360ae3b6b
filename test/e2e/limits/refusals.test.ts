/** What a database refuses by rules of its operator, through real sockets: on one node and on two. */
import tap, { test, type Test } from 'tap';
import { migrate } from '../../../src/storage/postgres/migrate.js';
import type { RawClient } from '../../support/clients/client.js';
import { client, server } from '../../support/nodes/fixture.js';
import { database, type TestDatabase } from '../../support/postgres/postgres.js';
import { startProxy } from '../../support/network/proxy.js';
import { startRedis } from '../../support/redis/redis.js';
import { rules, writerOf } from '../../support/postgres/refusing-database.js';
import { startServer, until, type ServerProcess } from '../../support/nodes/server.js';

// tap's own limit is short for a busy machine.
tap.setTimeout(300_000);

/** A database with a rule, as a user sees it who is bound by it. */
async function ruled(t: Test, rule: keyof typeof rules): Promise<{ db: TestDatabase; url: string }> {
  const db = await database(t);
  await migrate(db.url);
  await db.query(rules[rule]);
  const url = await writerOf(t, db);
  await db.query(`GRANT SELECT ON schema_migrations TO "${new URL(url).username}"`);
  return { db, url };
}

/** The values of a field of `doc` in the order in which a client was sent them. */
function shown({ messages }: RawClient, field = 'f'): unknown[] {
  return messages.flatMap((message) => {
    if (message['documentId'] !== 'doc') return [];
    if (message.type === 'delta' && message['field'] === field) return [message['value']];
    if (message.type !== 'delta_batch') return [];
    const entries = message['deltas'] as { field: string; value: unknown }[];
    return entries.filter((entry) => entry.field === field).map(({ value }) => value);
  });
}

async function stateOf(t: Test, to: ServerProcess): Promise<unknown> {
  return (await (await client(t, to)).subscribe('doc'))['state'];
}

for (const rule of Object.keys(rules) as (keyof typeof rules)[]) {
  test(`REF1, REF3: ${rule}: the value is shown, taken back, and an error to its writer; all else is acked`, async (t) => {
    const { db, url } = await ruled(t, rule);
    const to = await server(t, { DATABASE_URL: url, SHARDS: '1', DB_AUTO_MIGRATE: 'false' });
    const [ann, bob, eve] = [await client(t, to), await client(t, to, { encoding: 'json' }), await client(t, to)];
    for (const one of [bob, eve]) await one.subscribe('doc');
    await ann.acked(ann.set('doc', 'f', 1));
    const bad = ann.set('doc', 'f', 666);
    const good = Array.from(
      { length: 20 },
      (_, i) => [bob.set('doc', `g${i}`, i), eve.set(`other${i}`, 'f', i)] as const,
    );
    t.match(await ann.refused(bad), { error: /^Invalid delta message/, details: { code: 'INVALID_DELTA' } });
    for (const [own, others] of good) {
      await bob.acked(own);
      await eve.acked(others);
    }
    for (const one of [ann, bob, eve]) await until('the stored value', () => shown(one).at(-1) === 1);
    for (const one of [bob, eve]) {
      t.strictSame(
        shown(one).filter((value, i, all) => value !== all[i - 1]),
        [1, 666, 1],
      );
    }
    t.strictSame(shown(ann), [1], 'its writer is not sent what it shows, and what takes its place');
    t.match(await stateOf(t, to), { f: 1, g0: 0, g19: 19 });
    await ann.acked(ann.set('doc', 'f', 2));
    t.match(await db.query(`SELECT value FROM fields WHERE path = 'f' AND document_id = 'doc'`), [{ value: 2 }]);
  });
}

test('REF4: a write that loses to the refused one is stored and acknowledged, and is there after a restart', async (t) => {
  const { url } = await ruled(t, 'a constraint');
  const proxy = await startProxy(url);
  t.teardown(() => proxy.close());
  const env = { DATABASE_URL: proxy.through(url), SHARDS: '1', DB_AUTO_MIGRATE: 'false' };
  const to = await server(t, env);
  const [ann, bob] = [await client(t, to), await client(t, to)];
  await ann.acked(ann.set('doc', 'f', 1));
  await bob.subscribe('doc');
  proxy.set('stalled');
  const now = Date.now();
  const bad = ann.send('delta', { documentId: 'doc', field: 'f', value: 666 }, now + 1_000);
  await until('the refused value', () => shown(bob).includes(666));
  const lost = bob.send('delta', { documentId: 'doc', field: 'f', value: 7 }, now + 500);
  await bob.roundTrip();
  proxy.set('open');
  await ann.refused(bad);
  await bob.acked(lost);
  for (const one of [ann, bob]) await until('the value that takes its place', () => shown(one).at(-1) === 7);
  await to.kill('SIGKILL');
  t.strictSame(await stateOf(t, await server(t, env)), { f: 7 });
});

for (const publish of ['merged', 'durable'] as const) {
  test(`REF5: two nodes end with the same, and the other node never sees the value (${publish})`, async (t) => {
    const { url } = await ruled(t, 'a trigger that raises an error');
    const redis = await startRedis();
    t.teardown(() => redis.stop());
    const env = { DATABASE_URL: url, REDIS_URL: redis.url, DB_AUTO_MIGRATE: 'false', SYNC_PUBLISH: publish };
    const [one, two] = [
      await server(t, { ...env, SYNCKIT_NODE_ID: 'one' }),
      await server(t, { ...env, SYNCKIT_NODE_ID: 'two' }),
    ];
    const [ann, bob, cid] = [await client(t, one), await client(t, two), await client(t, one)];
    for (const raw of [bob, cid]) await raw.subscribe('doc');
    await ann.acked(ann.set('doc', 'f', 1));
    await until('bob to see it', () => shown(bob).at(-1) === 1);
    for (let round = 2; round < 12; round++) {
      const bad = ann.send('delta', { documentId: 'doc', delta: { f: 666, [`g${round}`]: round } }, Date.now() + 1_000);
      const own = bob.set('doc', 'f', round);
      await ann.refused(bad);
      await bob.acked(own);
    }
    for (const raw of [ann, bob, cid]) await until('all to see the last', () => shown(raw).at(-1) === 11);
    t.notOk(shown(bob).includes(666));
    if (publish === 'durable') t.notOk(shown(cid).includes(666));
    const states = [await stateOf(t, one), await stateOf(t, two)];
    t.strictSame(states[0], states[1]);
    t.match(states[0], { f: 11, g2: 2, g11: 11 });
  });
}

test('DUR1, DUR2: what kill -9 takes back was shown to nobody', async (t) => {
  const db = await database(t);
  const proxy = await startProxy(db.url);
  t.teardown(() => proxy.close());
  const env = { DATABASE_URL: proxy.through(db.url), SHARDS: '1', SYNC_PUBLISH: 'durable' };
  const to = await startServer({ ...env, SYNC_PUBLISH_GRACE_MS: '600000' });
  t.teardown(() => to.kill('SIGKILL'));
  const [ann, bob, late] = [await client(t, to), await client(t, to), await client(t, to, { encoding: 'json' })];
  await bob.subscribe('doc');
  await ann.acked(ann.set('doc', 'f', 1));
  await until('bob to see it', () => shown(bob).at(-1) === 1);
  proxy.set('stalled');
  ann.set('doc', 'f', 2);
  // Older, so it loses to a value that nobody may see.
  const lost = bob.send('delta', { documentId: 'doc', field: 'f', value: 3 }, Date.now() - 50_000);
  late.send('subscribe', { documentId: 'doc' });
  for (const raw of [ann, bob, late]) await raw.roundTrip();
  await until('the writes to be merged', async () => {
    const text = await (await fetch(`${to.http}/metrics`)).text();
    return Number(/^synckit_deltas_total\S* (\d+)/m.exec(text)?.[1] ?? 0) >= 3;
  });
  for (const raw of [ann, bob, late]) await raw.roundTrip();
  await to.kill('SIGKILL');
  // What the proxy holds never comes.
  proxy.set('down');
  proxy.set('open');
  t.strictSame(shown(bob), [1]);
  t.strictSame(shown(late), []);
  t.strictSame(late.received('sync_response'), []);
  t.notOk(bob.received('ack').some((ack) => ack['messageId'] === lost));
  t.strictSame(await stateOf(t, await server(t, env)), { f: 1 });
});

test('DUR3: while the database is away longer than the grace, all is shown and acks wait', async (t) => {
  const db = await database(t);
  const proxy = await startProxy(db.url);
  t.teardown(() => proxy.close());
  const to = await server(t, {
    ...{ DATABASE_URL: proxy.through(db.url), SHARDS: '1', SYNC_PUBLISH: 'durable' },
    SYNC_PUBLISH_GRACE_MS: '100',
  });
  const [ann, bob] = [await client(t, to), await client(t, to)];
  await bob.subscribe('doc');
  await ann.acked(ann.set('doc', 'f', 1));
  proxy.set('stalled');
  const waiting = ann.set('doc', 'f', 2);
  await until('bob to see it', () => shown(bob).at(-1) === 2);
  t.notOk(ann.received('ack').some((ack) => ack['messageId'] === waiting));
  t.match((await (await client(t, to)).subscribe('doc'))['state'], { f: 2 });
  proxy.set('open');
  await ann.acked(waiting);
  const text = await (await fetch(`${to.http}/metrics`)).text();
  t.match(text, /^synckit_publish_grace_exceeded_total\S* [1-9]/m);
});
