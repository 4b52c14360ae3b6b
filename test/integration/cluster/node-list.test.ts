/** The list of nodes of real processes with a real Postgres and a real Redis, as /health and /rooms show it. */
import { fileURLToPath } from 'node:url';
import tap, { test, type Test } from 'tap';
import { client, server } from '../../support/nodes/fixture.js';
import type { ShardReport } from '../../support/nodes/killable-main.js';
import { database } from '../../support/postgres/postgres.js';
import { startRedis, startRedisCluster, type RedisServer } from '../../support/redis/redis.js';
import { startServer, until, type ServerProcess } from '../../support/nodes/server.js';

tap.setTimeout(300_000);
// Each has nodes of its own, and waits for leases most of the time.
tap.jobs = 4;

const killable = fileURLToPath(new URL('../../support/nodes/killable-main.js', import.meta.url));

interface ClusterHealth {
  readonly stale: boolean;
  readonly note?: string;
  readonly nodes: readonly { readonly id: string; readonly self: boolean; readonly draining: boolean }[];
  readonly totals: Readonly<Record<string, number>>;
}

async function get<Body>(node: ServerProcess, path: string): Promise<Body> {
  return (await (await fetch(node.http + path)).json()) as Body;
}

async function clusterOf(node: ServerProcess): Promise<ClusterHealth> {
  return (await get<{ cluster: ClusterHealth }>(node, '/health')).cluster;
}

async function idsOn(node: ServerProcess): Promise<string> {
  return (await clusterOf(node)).nodes
    .map(({ id }) => id)
    .sort()
    .join();
}

/** Waits until all see the same nodes. */
async function allSee(nodes: readonly ServerProcess[], ids: string): Promise<void> {
  for (const node of nodes) await until(`${ids} to be seen`, async () => (await idsOn(node)) === ids, 60_000);
}

interface World {
  readonly redis: RedisServer;
  readonly env: NodeJS.ProcessEnv;
}

async function world(t: Test): Promise<World> {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const { url } = await database(t);
  return { redis, env: { DATABASE_URL: url, REDIS_URL: redis.url, SHARDS: '2', DB_POOL_MAX: '4' } };
}

const named = (t: Test, env: NodeJS.ProcessEnv, id: string) => server(t, { ...env, SYNCKIT_NODE_ID: id });

test('each of three nodes shows all; one that is killed leaves with its lease, one that drains at once', async (t) => {
  const { env } = await world(t);
  const [one, two, three] = [await named(t, env, 'one'), await named(t, env, 'two'), await named(t, env, 'three')];
  await allSee([one, two, three], 'one,three,two');
  t.same(
    (await clusterOf(two)).nodes.filter(({ self }) => self).map(({ id }) => id),
    ['two'],
  );
  const raws = [await client(t, one), await client(t, one), await client(t, two)];
  for (const raw of raws) await raw.subscribe('room:doc');
  await raws[0]!.acked(raws[0]!.set('room:doc', 'f', 1));
  const sums = async (node: ServerProcess) => (await clusterOf(node)).totals;
  for (const node of [one, two, three]) {
    await until('the totals', async () => (await sums(node))['connections'] === 3 && (await sums(node))['nodes'] === 3);
    const rooms = async () => (await get<{ rooms: { subscriberCount: number }[] }>(node, '/rooms')).rooms;
    await until('the subscribers of all nodes', async () => (await rooms())[0]?.subscriberCount === 3);
    t.match(await rooms(), [{ id: 'doc', subscriberCount: 3, lastModified: Number }]);
  }
  const text = await (await fetch(`${one.http}/health`)).text();
  t.notMatch(text, /redis:|postgres:|"host"|"pid"|"port"|"run"/);
  t.match(await get(one, '/health'), { status: 'healthy', documents: { documents: [{ id: 'room:doc' }] } });
  const metrics = await (await fetch(`${one.http}/metrics`)).text();
  t.match(metrics, /^synckit_cluster_nodes 3$/m);
  t.match(metrics, /^synckit_cluster_announce_failures_total 0$/m);
  t.match(metrics, /^synckit_cluster_malformed_entries_total 0$/m);

  await two.kill('SIGKILL');
  t.equal(await idsOn(one), 'one,three,two', 'nobody knows yet');
  await allSee([one, three], 'one,three');

  three.child.kill('SIGTERM');
  await three.ended;
  await until('it to be gone', async () => (await idsOn(one)) === 'one', 5_000);
  t.equal((await clusterOf(one)).stale, false);
  t.same(
    [one, two, three].flatMap(({ log }) => log.filter(({ msg }) => /id of this node|list of nodes/.test(msg))),
    [],
  );
});

test('a node that drains is listed as draining while its clients leave', async (t) => {
  const { env } = await world(t);
  const [one, two] = [await named(t, env, 'one'), await named(t, { ...env, SHUTDOWN_DRAIN_MS: '5000' }, 'two')];
  await allSee([one], 'one,two');
  await Promise.all(Array.from({ length: 20 }, () => client(t, two)));
  two.child.kill('SIGTERM');
  await until('it to be draining', async () => (await clusterOf(one)).nodes.some(({ draining }) => draining));
  t.equal((await two.ended).code, 0);
});

test('Redis is killed and comes back: nodes know only themselves, then each other', async (t) => {
  const { redis, env } = await world(t);
  const nodes = [await named(t, env, 'one'), await named(t, env, 'two')] as const;
  await allSee(nodes, 'one,two');
  await redis.kill();
  await until('it to be stale', async () => (await clusterOf(nodes[0])).stale, 60_000);
  t.match(await clusterOf(nodes[0]), {
    note: /only this node/,
    nodes: [{ id: 'one', self: true }],
    totals: { nodes: 1 },
  });
  t.match(await get(nodes[0], '/rooms'), { rooms: [], totalRooms: 0 });
  await redis.restart();
  await allSee(nodes, 'one,two');
  t.equal((await clusterOf(nodes[1])).stale, false);
  t.equal(nodes[0].log.filter(({ msg }) => msg.includes('list of nodes')).length, 1, 'said once');
});

test('the worker with the connection is killed, and the heartbeat goes on', async (t) => {
  const { env } = await world(t);
  const one = await named(t, env, 'one');
  const two = await startServer({ ...env, SYNCKIT_NODE_ID: 'two' }, killable);
  t.teardown(() => two.kill('SIGKILL'));
  await allSee([one, two], 'one,two');
  for (let round = 1; round <= 2; round++) {
    two.child.send({ terminate: 0 });
    await until('another worker', () => {
      two.child.send({});
      const report = two.messages.at(-1) as ShardReport | undefined;
      return report?.running === true && report.restarts[0] === round;
    });
    const raw = await client(t, two);
    await until('it to be told', async () => ((await clusterOf(one)).totals['connections'] ?? 0) >= round);
    t.equal(await idsOn(one), 'one,two');
    t.ok(raw);
  }
});

test('two processes with one id are both listed and both log a warning; a killed one causes none', async (t) => {
  const { env } = await world(t);
  const first = await named(t, env, 'same');
  await allSee([first], 'same');
  await first.kill('SIGKILL');
  const again = await named(t, env, 'same');
  // Its former run is on the list for the rest of its lease.
  await until('the list', async () => !(await clusterOf(again)).stale);
  await until('the former to leave', async () => (await idsOn(again)) === 'same', 60_000);
  const warnings = ({ log }: ServerProcess) => log.filter(({ msg }) => msg.includes('with the id of this node'));
  t.same(warnings(again), []);
  const other = await named(t, env, 'same');
  await until('warnings', () => warnings(again).length > 0 && warnings(other).length > 0, 60_000);
  t.match(warnings(again), [{ level: 'warn', nodeId: 'same', other: { pid: other.pid } }]);
  t.equal(await idsOn(again), 'same,same');
});

test('with a Redis Cluster, and without SYNCKIT_NODE_ID', async (t) => {
  const redis = await startRedisCluster();
  t.teardown(() => redis.stop());
  const { url } = await database(t);
  const env = { DATABASE_URL: url, REDIS_URL: redis.url, REDIS_CLUSTER: 'true', SHARDS: '1', DB_POOL_MAX: '2' };
  const [one, two] = [await server(t, env), await server(t, { ...env, NODE_APP_INSTANCE: '1' })];
  await until(
    'both',
    async () => (await clusterOf(one)).nodes.length === 2 && (await clusterOf(two)).nodes.length === 2,
  );
  for (const { id } of (await clusterOf(one)).nodes) t.match(id, /^node-[\w-]{12}$/, 'not the name of the host');
});

test('a node without a bus has no cluster, and rooms of its own', async (t) => {
  const alone = await server(t, { DATABASE_URL: 'memory:' });
  const raw = await client(t, alone);
  await raw.subscribe('room:doc');
  t.notOk('cluster' in (await get<object>(alone, '/health')));
  t.same(await get(alone, '/rooms'), {
    rooms: [{ id: 'doc', subscriberCount: 1, lastModified: 0 }],
    totalConnections: 1,
    totalRooms: 1,
    wordwall: null,
  });
});
