/** The bus through a real Redis Cluster of three masters: sharded pub/sub. */
import tap, { test, type Test } from 'tap';
import type { Bus, BusEvents } from '../../../src/cluster/port.js';
import { openRedisBus } from '../../../src/cluster/redis/bus.js';
import { slotOf } from '../../../src/cluster/redis/slots.js';
import { BusNode, SharedStorage } from '../../support/redis/bus-node.js';
import { BusRecorder, updateOf, awarenessOf } from '../../support/redis/bus-recorder.js';
import { ask, redisUrl, startRedisCluster, type RedisServer } from '../../support/redis/redis.js';
import { until } from '../../support/nodes/server.js';

const cluster = await startRedisCluster();
tap.teardown(() => cluster.stop());

const ids = Array.from({ length: 300 }, (_, i) => `doc${i}`);

function join(t: Test, others: Partial<BusEvents> = {}, url = cluster.url): { bus: Bus; seen: BusRecorder } {
  const seen = new BusRecorder(others);
  const options = { ...seen.options('node'), url, cluster: true, channelPrefix: 'test:', pingEveryMs: 200 };
  const bus = openRedisBus(options);
  t.teardown(() => bus.close());
  return { bus, seen };
}

/** The channels of a server that have subscribers. */
async function channelsAt({ port }: RedisServer): Promise<string[]> {
  return (await ask(port, 'PUBSUB', 'SHARDCHANNELS')).split('\n').filter((line) => line !== '');
}

test('updates go through all masters', async (t) => {
  const [a, b] = [join(t), join(t)];
  b.bus.subscribe(ids);
  await b.seen.subscribed(...ids);
  await until('a connection', () => a.bus.connected && b.bus.connected);
  for (const server of cluster.servers) t.ok((await channelsAt(server)).length > 0, 'each has some of the channels');
  for (const id of ids) a.bus.publish(updateOf(id, id));
  await until('update', () => b.seen.updates.length === ids.length);
  t.same(new Set(b.seen.updates.map(({ documentId }) => documentId)), new Set(ids));
  t.equal(b.seen.counted.gaps, 0);
  b.bus.unsubscribe(ids);
  await until('no channels', async () => (await Promise.all(cluster.servers.map(channelsAt))).flat().length === 0);
});

test('a slot that moves to another master takes its documents with it', async (t) => {
  const [a, b] = [join(t), join(t)];
  b.bus.subscribe(ids);
  await b.seen.subscribed(...ids);
  await until('a connection', () => a.bus.connected && b.bus.connected);
  const slot = slotOf('test:doc:doc7');
  const channels = await Promise.all(cluster.servers.map(channelsAt));
  const former = channels.findIndex((names) => names.includes('test:doc:doc7'));
  const to = cluster.servers[(former + 1) % 3]!;
  await cluster.moveSlot(slot, to);
  t.teardown(() => cluster.moveSlot(slot, cluster.servers[former]!));
  await until('the channel at the other master', async () => (await channelsAt(to)).includes('test:doc:doc7'));
  await until('a report', () => b.seen.resyncs('reconnect').includes('doc7'));
  const before = b.seen.valuesOf('doc7').length;
  await until('update', () => {
    a.bus.publish(updateOf('doc7'));
    return b.seen.valuesOf('doc7').length > before;
  });
});

test('awareness goes through all masters, and followers ask again when a slot moves or a master is back', async (t) => {
  const [a, b] = [join(t), join(t)];
  for (const { bus } of [a, b]) bus.followAwareness(ids);
  await Promise.all([a.seen.following(...ids), b.seen.following(...ids)]);
  await until('a connection', () => a.bus.connected && b.bus.connected);
  const sayAll = (n: number) => {
    for (const id of ids) a.bus.publishAwareness(id, awarenessOf('client', { n }, n));
  };
  const heard = (n: number) => {
    return ids.every((id) => JSON.stringify(b.seen.statesOf(id, 'client').at(-1)) === JSON.stringify({ n }));
  };
  sayAll(1);
  await until('awareness', () => heard(1));
  const channels = await Promise.all(cluster.servers.map(channelsAt));
  const former = channels.findIndex((names) => names.includes('test:aw:doc9'));
  const active = () => b.seen.awarenessActive.filter((id) => id === 'doc9').length;
  const before = active();
  const slot = slotOf('test:aw:doc9');
  await cluster.moveSlot(slot, cluster.servers[(former + 1) % 3]!);
  t.teardown(() => cluster.moveSlot(slot, cluster.servers[former]!));
  await until('it to be active again', () => active() > before);
  await until('it to go on', () => {
    a.bus.publishAwareness('doc9', awarenessOf('client', { n: 2 }, 2));
    return JSON.stringify(b.seen.statesOf('doc9', 'client').at(-1)) === '{"n":2}';
  });
  await cluster.servers[2]!.kill();
  await until('no full connection', () => !a.bus.connected && !b.bus.connected);
  await until('some to be dropped', () => {
    // Both may have lost another connection for a moment, and the dead master's only later.
    sayAll(3);
    return a.seen.counted.awarenessDropped > 0;
  });
  const activeBefore = b.seen.awarenessActive.length;
  await cluster.servers[2]!.restart();
  await until('connections', () => a.bus.connected && b.bus.connected, 60_000);
  await until('some to be active again', () => b.seen.awarenessActive.length > activeBefore);
  // As nodes do when they are asked.
  await until('all to be heard', () => {
    sayAll(4);
    return heard(4);
  });
  b.bus.unfollowAwareness(ids);
  a.bus.unfollowAwareness(ids);
  await until('no channels', async () => (await Promise.all(cluster.servers.map(channelsAt))).flat().length === 0);
});

test('a dead master affects no other, and is used again when it is back', async (t) => {
  const storage = new SharedStorage();
  let value = 0;
  const nodes = [1, 2, 3].map(() => new BusNode(storage, () => ++value));
  const members = nodes.map((node, i) => {
    const member = join(t, node, cluster.servers[i]!.url);
    node.bus = member.bus;
    member.bus.subscribe(ids);
    return member;
  });
  const all = (connected: boolean) => members.every(({ bus }) => bus.connected === connected);
  await Promise.all(members.map(({ seen }) => seen.subscribed(...ids)));
  await until('connections', () => all(true));
  const writeAll = () => ids.forEach((id, i) => nodes[i % 3]!.write(id, 'field'));
  writeAll();
  await until('all nodes are current', () => nodes.every((node) => node.isCurrent(ids)));
  await cluster.servers[1]!.kill();
  await until('no full connection', () => all(false));
  const received = members[0]!.seen.updates.length;
  writeAll();
  await until('update through the other masters', () => members[0]!.seen.updates.length > received);
  await cluster.servers[1]!.restart();
  await until('connections', () => all(true), 60_000);
  await until('all nodes are current', () => nodes.every((node) => node.isCurrent(ids)));
  writeAll();
  await until('all nodes are current', () => nodes.every((node) => node.isCurrent(ids)));
});

test('a single server that is configured as a cluster is named in the log', async (t) => {
  const { bus, seen } = join(t, {}, await redisUrl());
  await until('a line in the log', () => seen.logged.some((line) => /cluster support disabled/.test(line)));
  bus.publish(updateOf('doc'));
  t.equal(bus.connected, false);
  t.equal(seen.counted.dropped, 1);
});
