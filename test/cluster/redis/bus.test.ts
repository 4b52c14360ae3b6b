/** The bus through a real Redis, and what it does when that fails. */
import { test, type Test } from 'tap';
import type { Bus } from '../../../src/cluster/port.js';
import { openRedisBus, type RedisBusOptions } from '../../../src/cluster/redis/bus.js';
import { busContract } from '../../contract/bus.js';
import { BusRecorder, updateOf } from '../../support/redis/bus-recorder.js';
import { startProxy } from '../../support/network/proxy.js';
import { redisWorld } from '../../support/redis/redis-world.js';
import { ask, redisUrl, startRedis } from '../../support/redis/redis.js';
import { until } from '../../support/nodes/server.js';

busContract('redis', async () => redisWorld(await redisUrl()));

interface Member {
  readonly bus: Bus;
  readonly seen: BusRecorder;
}

function join(t: Test, url: string, about: Partial<RedisBusOptions> = {}): Member {
  const seen = new BusRecorder();
  const options = { ...seen.options('node'), url, cluster: false, channelPrefix: 'test:', pingEveryMs: 200, ...about };
  const bus = openRedisBus(options);
  t.teardown(() => bus.close());
  return { bus, seen };
}

async function subscribe({ bus, seen }: Member, ...documentIds: string[]): Promise<void> {
  bus.subscribe(documentIds);
  await seen.subscribed(...documentIds);
}

test('Redis is killed and comes back: the buses recover by themselves', async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const [a, b] = [join(t, redis.url), join(t, redis.url)];
  await subscribe(b, 'doc', 'fresh');
  await until('a connection', () => a.bus.connected);
  a.bus.publish(updateOf('doc', 1));
  await until('update', () => b.seen.updates.length === 1);
  for (let round = 1; round <= 3; round++) {
    await redis.kill();
    await until('no connections', () => !a.bus.connected && !b.bus.connected);
    a.bus.publish(updateOf('doc', 'lost'));
    await redis.restart();
    await until('connections', () => a.bus.connected && b.bus.connected);
    await until('reports', () => b.seen.resyncs('reconnect').length >= 2 * round);
    a.bus.publish(updateOf('doc', round));
    await until('update', () => b.seen.updates.length === 1 + round);
  }
  t.same(b.seen.valuesOf('doc'), [1, 1, 2, 3]);
  t.equal(a.seen.counted.dropped, 3);
  t.same(b.seen.statuses, [true, false, true, false, true, false, true]);
});

test('a bus may be opened before Redis is available', async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  await redis.kill();
  const { bus, seen } = join(t, redis.url);
  bus.subscribe(['doc']);
  bus.publish(updateOf('doc'));
  await until('a line in the log', () => seen.logged.length > 0);
  t.equal(bus.connected, false);
  await redis.restart();
  await seen.subscribed('doc');
  await until('a connection', () => bus.connected);
  t.same(seen.statuses, [true]);
});

test('a frozen Redis is detected, by a connected bus and by one that is connecting', async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const [a, b] = [join(t, redis.url), join(t, redis.url)];
  await subscribe(b, 'doc');
  await until('a connection', () => a.bus.connected);
  redis.freeze();
  t.teardown(() => redis.thaw());
  const late = join(t, redis.url);
  await until('no connections', () => !a.bus.connected && !b.bus.connected);
  await until('it was tried again', () => late.seen.logged.some((line) => line.includes('no answer')));
  redis.thaw();
  await until('connections', () => a.bus.connected && b.bus.connected && late.bus.connected);
  await until('a report', () => b.seen.resyncs('reconnect').length > 0);
  a.bus.publish(updateOf('doc', 5));
  await until('update', () => b.seen.valuesOf('doc').includes(5));
});

test('a half-open connection is detected, and buffers stay bounded meanwhile', async (t) => {
  const url = await redisUrl();
  const proxy = await startProxy(url);
  t.teardown(() => proxy.close());
  const a = join(t, proxy.through(url), { maxQueuedBytes: 100_000, channelPrefix: 'half-open:', pingEveryMs: 500 });
  const b = join(t, url, { channelPrefix: 'half-open:' });
  await subscribe(b, 'doc');
  await until('a connection', () => a.bus.connected);
  proxy.set('stalled');
  for (let i = 0; i < 50; i++) a.bus.publish(updateOf('doc', 'x'.repeat(10_000)));
  t.ok(a.seen.counted.published < 10, 'what is over the bound is dropped at once');
  t.equal(a.seen.counted.published + a.seen.counted.dropped, 50);
  await until('no connection', () => !a.bus.connected);
  proxy.set('open');
  await until('a connection', () => a.bus.connected);
  await until('a gap, by the tail', () => b.seen.resyncs('gap').length > 0);
  a.bus.publish(updateOf('doc', 'after'));
  await until('update', () => b.seen.valuesOf('doc').includes('after'), 30_000);
});

test('a subscriber that Redis disconnects is subscribed again', async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const [a, b] = [join(t, redis.url), join(t, redis.url)];
  await subscribe(b, 'doc');
  await until('a connection', () => a.bus.connected);
  await ask(redis.port, 'CLIENT', 'KILL', 'TYPE', 'pubsub');
  await until('a report', () => b.seen.resyncs('reconnect').length > 0);
  a.bus.publish(updateOf('doc', 5));
  await until('update', () => b.seen.updates.length === 1);
  t.equal(b.seen.resyncs('reconnect').length, 1);
});

test('a password is used and never logged', async (t) => {
  const redis = await startRedis(['--requirepass', 'hunter2%']);
  t.teardown(() => redis.stop());
  const { bus, seen } = join(t, `redis://:hunter2%25@127.0.0.1:${redis.port}/3`);
  await until('a connection', () => bus.connected);
  const wrong = join(t, `redis://user:hunter3@127.0.0.1:${redis.port}`);
  await until('a line in the log', () => wrong.seen.logged.length > 0);
  t.match(wrong.seen.logged[0], /WRONGPASS/);
  t.throws(() => join(t, 'http://user:hunter4@host'), { message: /^the address of Redis must be redis/ });
  await redis.kill();
  await until('no connection', () => !bus.connected);
  t.notMatch([...seen.logged, ...wrong.seen.logged].join(''), /hunter/);
});

test('what Redis refuses is counted, logged once and retried', async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  await ask(redis.port, 'ACL', 'SETUSER', 'bus', 'on', '>secret', '+@all', 'resetchannels');
  const url = `redis://bus:secret@127.0.0.1:${redis.port}`;
  const a = join(t, url);
  await until('a connection', () => a.bus.connected);
  a.bus.subscribe(['doc']);
  a.bus.publish(updateOf('doc', 'contents'));
  await until(
    'refusals',
    () => a.seen.counted.dropped > 0 && a.seen.logged.some((line) => line.includes('subscription')),
  );
  t.notMatch(a.seen.logged.join(''), /contents/);
  await ask(redis.port, 'ACL', 'SETUSER', 'bus', 'allchannels');
  await a.seen.subscribed('doc');
});
