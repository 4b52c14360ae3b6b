/** The shared state in a real Redis and a real Redis Cluster, and what it does when they fail. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import tap, { test, type Test } from 'tap';
import { RedisSharedState, type RedisSharedStateOptions } from '../../../src/cluster/redis/shared-state.js';
import { slotOf } from '../../../src/cluster/redis/slots.js';
import { packageFolder } from '../../../src/version.js';
import { entryOf, sharedStateContract, type SharedWorld } from '../../contract/shared-state.js';
import { ask, redisUrl, startRedis, startRedisCluster, type RedisServer } from '../../support/redis/redis.js';
import { until } from '../../support/nodes/server.js';

const cluster = await startRedisCluster();
tap.teardown(() => cluster.stop());
const log = pino({ level: 'silent' });

function open(t: Test, about: Partial<RedisSharedStateOptions> & { readonly url: string }): RedisSharedState {
  const state = new RedisSharedState({ cluster: false, keyPrefix: 'test:', log, pingEveryMs: 200, ...about });
  t.teardown(() => {
    state.close();
  });
  return state;
}

/** A world on one of several servers: the one that has the list. */
function world(t: Test, url: string, serverOf: (key: string) => string, about: { cluster: boolean }): SharedWorld {
  const keyPrefix = `test:${randomUUID()}:`;
  return {
    open: () => open(t, { url, keyPrefix, ...about, timeoutMs: 20_000 }),
    async inject(run, text, leaseMs) {
      const redis = new Redis(serverOf(`${keyPrefix}nodes`));
      const now = Date.now();
      await redis.hset(`${keyPrefix}nodes`, run, `${now},${now + leaseMs},${text}`);
      redis.disconnect();
    },
  };
}

/** The master that has a key; `startRedisCluster` deals the slots out evenly and in order. */
function masterOf(key: string): RedisServer {
  return cluster.servers[Math.min(2, Math.floor((slotOf(key) * 3) / 16_384))]!;
}

sharedStateContract('redis', async (t) => {
  const url = await redisUrl();
  return world(t, url, () => url, { cluster: false });
});
sharedStateContract('redis cluster', (t) =>
  Promise.resolve(world(t, cluster.url, (key) => masterOf(key).url, { cluster: true })),
);

test('every key expires, and nothing else is in Redis', async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const state = open(t, { url: redis.url, timeoutMs: 20_000 });
  await state.announce(entryOf({ run: 'long' }), 100_000);
  await state.announce(entryOf({ run: 'short' }), 1_000);
  await state.count('k', 100_000);
  const keys = (await ask(redis.port, 'KEYS', '*')).trim().split('\n').sort();
  t.same(keys, ['test:count:k', 'test:nodes']);
  for (const key of keys) {
    const left = Number(await ask(redis.port, 'PTTL', key));
    t.ok(left > 1_000 && left <= 100_000, `${key} ends in ${left} ms`);
  }
});

test('a field without a time is counted once and removed', async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const state = open(t, { url: redis.url, timeoutMs: 20_000 });
  for (const [i, bad] of ['', 'x', '1,2', ',,{}', '-1,2,{}'].entries()) {
    await ask(redis.port, 'HSET', 'test:nodes', `bad${i}`, bad);
  }
  t.equal((await state.announce(entryOf(), 60_000)).malformed, 5);
  t.equal((await state.announce(entryOf(), 60_000)).malformed, 0);
});

test('Redis is unavailable, is killed, and comes back: operations fail with an error, and nothing is sent later', async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  await redis.kill();
  const state = open(t, { url: redis.url });
  await t.rejects(state.count('key', 60_000), { name: 'SharedStateError', message: 'no connection to Redis' });
  await redis.restart();
  const works = () =>
    state.count('x', 60_000).then(
      () => true,
      () => false,
    );
  await until('it to work', works);
  t.match(await state.count('key', 60_000), { count: 1 });
  await redis.kill();
  await t.rejects(state.count('key', 60_000), { name: 'SharedStateError' });
  await redis.restart();
  await until('it to work', works);
  t.match(await state.count('key', 60_000), { count: 1 }, 'a new Redis, in which nothing was counted twice');
});

test('operations on a frozen Redis are bounded in time and number', async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const state = open(t, { url: redis.url, timeoutMs: 500, pingEveryMs: 60_000 });
  await until('a connection', () => state.count('x', 60_000).then(() => true, () => false)); // prettier-ignore
  redis.freeze();
  t.teardown(() => redis.thaw());
  const results = await Promise.allSettled(Array.from({ length: 1_100 }, () => state.count('x', 60_000)));
  const reasons = results.map((result) => (result.status === 'rejected' ? (result.reason as Error).message : ''));
  t.equal(reasons.filter((reason) => reason === 'Redis did not answer in 500 ms').length, 1_000);
  t.equal(reasons.filter((reason) => reason === 'too many operations wait for Redis').length, 100);
});

test('an error of Redis is reported without what was sent', async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  await ask(redis.port, 'ACL', 'SETUSER', 'state', 'on', '>secret', '+@all', 'resetkeys', '~test:*');
  const state = open(t, { url: `redis://state:secret@127.0.0.1:${redis.port}`, timeoutMs: 20_000 });
  t.match(await state.count('mine', 60_000), { count: 1 });
  const foreign = open(t, {
    url: `redis://state:secret@127.0.0.1:${redis.port}`,
    keyPrefix: 'other:',
    timeoutMs: 20_000,
  });
  const error = await foreign.count('contents', 60_000).then(
    () => undefined,
    (error: unknown) => error as Error,
  );
  t.match(error, { name: 'SharedStateError', message: /NOPERM/ });
  t.notMatch(JSON.stringify(Object.entries(error ?? {})), /contents|secret/);
});

test('the permissions that the runbook names are enough', async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const page = readFileSync(join(packageFolder, 'docs', 'runbook.md'), 'utf8');
  const [, rules = ''] = /ACL SETUSER synckit ([^`]*)`/.exec(page) ?? [];
  await ask(redis.port, 'ACL', 'SETUSER', 'synckit', 'reset', 'on', '>secret', '+ping', ...rules.split(/\s+/));
  const state = open(t, {
    url: `redis://synckit:secret@127.0.0.1:${redis.port}`,
    keyPrefix: 'synckit:',
    timeoutMs: 20_000,
  });
  await ask(redis.port, 'HSET', 'synckit:nodes', 'bad', 'to be removed');
  t.equal((await state.announce(entryOf(), 60_000)).malformed, 1);
  await state.leave('run');
  t.match(await state.count('k', 60_000), { count: 1 });
});

test('a slot that moves to another master is found there', async (t) => {
  const keyPrefix = `test:${randomUUID()}:`;
  const state = open(t, { url: cluster.url, cluster: true, keyPrefix, timeoutMs: 20_000 });
  t.match(await state.count('key', 60_000), { count: 1 });
  const key = `${keyPrefix}count:key`;
  const from = masterOf(key);
  const to = cluster.servers.find((server) => server !== from)!;
  // A master does not give up a slot that has keys.
  await ask(from.port, 'DEL', key);
  await cluster.moveSlot(slotOf(key), to);
  t.teardown(async () => {
    await ask(to.port, 'DEL', key);
    await cluster.moveSlot(slotOf(key), from);
  });
  t.match(await state.count('key', 60_000), { count: 1 });
  t.match(await state.count('key', 60_000), { count: 2 });
  t.equal((await ask(to.port, 'GET', key)).trim(), '2', 'the new master has it');
});

test('a dead master affects only its own keys, and is used again when it is back', async (t) => {
  const keyPrefix = `test:${randomUUID()}:`;
  const state = open(t, { url: cluster.url, cluster: true, keyPrefix, timeoutMs: 3_000 });
  const works = (key: string) =>
    state.count(key, 60_000).then(
      () => true,
      () => false,
    );
  const keyAt = (server: RedisServer) =>
    Array.from({ length: 1_000 }, (_, i) => `${i}`).find((key) => masterOf(`${keyPrefix}count:${key}`) === server)!;
  const [one, two] = [keyAt(cluster.servers[0]!), keyAt(cluster.servers[1]!)];
  await until('all to work', async () => (await works(one)) && (await works(two)));
  await cluster.servers[1]!.kill();
  await until('one not to work', async () => !(await works(two)));
  t.equal(await works(one), true);
  await cluster.servers[1]!.restart();
  await until('all to work', async () => (await works(one)) && (await works(two)), 60_000);
});
