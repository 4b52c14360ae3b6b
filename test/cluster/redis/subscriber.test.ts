/** The subscriber's connection: what it is told of its channels, whatever the server does. */
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { test, type Test } from 'tap';
import { parseRedisUrl } from '../../../src/cluster/redis/address.js';
import { RedisSubscriber } from '../../../src/cluster/redis/subscriber.js';
import { startProxy, type Proxy } from '../../support/network/proxy.js';
import { ask, redisUrl, startRedis } from '../../support/redis/redis.js';
import { until } from '../../support/nodes/server.js';

interface Opened {
  readonly subscriber: RedisSubscriber;
  readonly proxy: Proxy;
  /** Publishes to a channel of the server. */
  readonly publish: (channel: string, text: string) => Promise<number>;
  /** `<channel> <text>` */
  readonly messages: string[];
  readonly active: string[];
  readonly lost: string[];
  readonly logged: string[];
  changes: number;
}

async function opened(t: Test, url: string, sharded = false): Promise<Opened> {
  const proxy = await startProxy(url);
  const client = new Redis(url);
  const logged: string[] = [];
  const address = parseRedisUrl(proxy.through(url));
  const subscriber = new RedisSubscriber(
    {
      address: () => address,
      sharded,
      log: pino({ level: 'warn' }, { write: (line: string) => void logged.push(line) }),
      pingEveryMs: 200,
    },
    {
      message: (channel, bytes) => all.messages.push(`${channel} ${Buffer.from(bytes).toString()}`),
      active: (channels) => all.active.push(...channels),
      lost: (channels) => all.lost.push(...channels),
      changed: () => all.changes++,
      moved: () => undefined,
    },
  );
  t.teardown(async () => {
    subscriber.close();
    client.disconnect();
    await proxy.close();
  });
  const all: Opened = {
    ...{ subscriber, proxy, messages: [], active: [], lost: [], logged, changes: 0 },
    publish: async (channel, text) => Number(await client.call(sharded ? 'SPUBLISH' : 'PUBLISH', channel, text)),
  };
  return all;
}

/** Channels that no other test uses. */
function channels(count: number): string[] {
  const prefix = randomBytes(6).toString('hex');
  return Array.from({ length: count }, (_, i) => `${prefix}-${i}`);
}

for (const sharded of [false, true]) {
  const how = sharded ? 'sharded' : 'plain';
  test(`${how}: channels are active once subscribed, and silent once given up`, async (t) => {
    const all = await opened(t, await redisUrl(), sharded);
    const [first = '', second = ''] = channels(2);
    all.subscriber.subscribe([first, second]);
    await until('both to be active', () => all.active.length === 2);
    t.strictSame(all.active.toSorted(), [first, second].sort());
    t.equal(all.subscriber.connected, true);
    await all.publish(first, 'a');
    await all.publish(second, 'b');
    await until('messages', () => all.messages.length === 2);
    t.strictSame(all.messages.toSorted(), [`${first} a`, `${second} b`]);
    all.subscriber.unsubscribe([first]);
    await until('the server to have given it up', async () => (await all.publish(first, 'c')) === 0);
    await all.publish(second, 'd');
    await until('what comes after', () => all.messages.includes(`${second} d`));
    t.notOk(all.messages.includes(`${first} c`));
    t.strictSame(all.lost, []);
  });
}

test('a channel that Redis refuses to unsubscribe is given up once it does not', async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const all = await opened(t, redis.url);
  all.subscriber.subscribe(['kept', 'left', 'back']);
  await until('all to be active', () => all.active.length === 3);
  await ask(redis.port, 'ACL', 'SETUSER', 'default', '-unsubscribe');
  all.subscriber.unsubscribe(['left', 'back']);
  await until('a line in the log', () => all.logged.length > 0);
  all.subscriber.subscribe(['back']);
  await ask(redis.port, 'ACL', 'SETUSER', 'default', '+unsubscribe');
  await until('the server to have given it up', async () => (await all.publish('left', 'a')) === 0);
  t.equal(await all.publish('kept', 'b'), 1);
  t.equal(await all.publish('back', 'c'), 1, 'wanted again meanwhile');
});

test('more channels than one command takes are all subscribed', async (t) => {
  const all = await opened(t, await redisUrl());
  const many = channels(25_000);
  all.subscriber.subscribe(many);
  await until('all to be active', () => all.active.length >= many.length);
  const active = new Set(all.active);
  t.equal(active.size, many.length);
  t.strictSame(
    many.filter((channel) => !active.has(channel)),
    [],
  );
  await all.publish(many.at(-1)!, 'last');
  await until('a message', () => all.messages.length === 1);
});

test('a channel given up and wanted again in one turn is active, and was never away', async (t) => {
  const all = await opened(t, await redisUrl());
  const [channel = ''] = channels(1);
  all.subscriber.subscribe([channel]);
  await until('it to be active', () => all.active.length === 1);
  all.subscriber.unsubscribe([channel]);
  all.subscriber.subscribe([channel]);
  await until('it to be active again', () => all.active.length === 2);
  t.equal(await all.publish(channel, 'x'), 1);
  await until('the message', () => all.messages.length === 1);
});

test('a connection that breaks loses the channels that were active, and subscribes those that are wanted', async (t) => {
  const all = await opened(t, await redisUrl());
  const [kept = '', left = '', late = ''] = channels(3);
  all.subscriber.subscribe([kept, left]);
  await until('both to be active', () => all.active.length === 2);
  const changes = all.changes;
  all.proxy.set('down');
  await until('the loss', () => !all.subscriber.connected);
  t.strictSame(all.lost.toSorted(), [kept, left].sort());
  all.subscriber.unsubscribe([left]);
  all.subscriber.subscribe([late]);
  all.active.length = 0;
  all.proxy.set('open');
  await until('all to be active', () => all.active.length === 2);
  t.strictSame(all.active.toSorted(), [kept, late].sort());
  t.equal(await all.publish(left, 'x'), 0);
  t.ok(all.changes >= changes + 2, 'lost and made');
});

test('renew reports what was active as lost, and then as active', async (t) => {
  const all = await opened(t, await redisUrl());
  const [channel = ''] = channels(1);
  all.subscriber.subscribe([channel]);
  await until('it to be active', () => all.active.length === 1);
  all.subscriber.renew();
  t.strictSame(all.lost, [channel]);
  await until('it to be active again', () => all.active.length === 2);
  t.equal(await all.publish(channel, 'x'), 1, 'it is subscribed once');
});

test('a subscription that Redis refuses is logged once, and tried again until it is taken', async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  await ask(redis.port, 'ACL', 'SETUSER', 'default', 'resetchannels');
  const all = await opened(t, redis.url);
  const [channel = ''] = channels(1);
  all.subscriber.subscribe([channel]);
  const refusals = async (): Promise<number> => {
    const stats = await ask(redis.port, 'INFO', 'commandstats');
    return Number(/cmdstat_subscribe:.*rejected_calls=(\d+)/.exec(stats)?.[1] ?? 0);
  };
  await until('two refusals', async () => (await refusals()) >= 2);
  t.equal(all.logged.filter((line) => line.includes('refused a subscription')).length, 1);
  t.strictSame(all.active, []);
  await ask(redis.port, 'ACL', 'SETUSER', 'default', 'allchannels');
  await until('it to be active', () => all.active.length === 1);
});
