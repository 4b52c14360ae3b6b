/** A node beside a newer one, as in a rolling update: it loads what it can't decode. */
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { Packr } from 'msgpackr';
import tap, { test, type Test } from 'tap';
import type { FieldRow } from '../../../src/storage/port.js';
import { openPostgresStorage } from '../../../src/storage/postgres/storage.js';
import { client, server } from '../../support/nodes/fixture.js';
import { database } from '../../support/postgres/postgres.js';
import { redisUrl } from '../../support/redis/redis.js';
import { Replica } from '../../support/clients/replica.js';
import { until } from '../../support/nodes/server.js';

tap.setTimeout(300_000);

const packr = new Packr({ useRecords: false });

/** A node of this version with a subscriber, and a newer one that commits alike and publishes in its own format. */
async function besideNewer(t: Test) {
  const [{ url }, redis] = [await database(t), await redisUrl()];
  const prefix = `${randomBytes(6).toString('hex')}:`;
  const compare = { CLUSTER_COMPARE_INTERVAL: '3600000' };
  const env = { DATABASE_URL: url, REDIS_URL: redis, REDIS_CHANNEL_PREFIX: prefix, SHARDS: '1', ...compare };
  const node = await server(t, env);
  const storage = openPostgresStorage({ url, minConnections: 0, maxConnections: 1, statementTimeoutMs: 10_000 });
  t.teardown(() => storage.close());
  const bus = new Redis(redis);
  t.teardown(() => bus.disconnect());
  const reader = await client(t, node);
  await reader.subscribe('doc');
  const replica = new Replica(reader, 'doc');
  const channel = `${prefix}doc:doc`;
  const heard = async (message: unknown): Promise<void> => {
    await until('the node listens', async () => (await bus.publish(channel, packr.pack(message))) === 1);
  };
  // The load that follows the subscription must not be what brings the changes.
  await heard([1, 'newer', 7, 1, 1, Date.now(), 0]);
  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`${node.http}/metrics`)).text();
    return Number(new RegExp(`^synckit_bus_${name}_total(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1]);
  };
  await until('the first load', async () => (await metric('resyncs')) >= 1);
  return {
    node,
    replica,
    metric,
    commit: async (path: string, value: unknown): Promise<FieldRow> => {
      const now = Date.now();
      const row = { path, value: JSON.stringify(value), deleted: false, timestamp: now, counter: 1, clientId: 'them' };
      const written = { ...row, stamp: now * 1024 };
      const { refused } = await storage.commit([{ documentId: 'doc', stamp: written.stamp, fields: [written] }]);
      t.same(refused, []);
      return written;
    },
    say: heard,
    follows: (field: string, value: unknown) =>
      until(`${field} to follow`, () => JSON.stringify(replica.state[field]) === JSON.stringify(value)),
  };
}

test('contract 7: an update in an unknown format is loaded and sent to the subscribers', async (t) => {
  const { commit, say, follows, node, metric, replica } = await besideNewer(t);
  await commit('version', 2);
  await say([2, 'newer', 7, 2, { body: 'of another shape' }]);
  await follows('version', 2);
  await commit('kind', 77);
  await say([1, 'newer', 7, 3, 77, Date.now(), 0, 'whatever']);
  await follows('kind', 77);
  await commit('head', 'unknown');
  await say([9, { node: 'newer' }]);
  await follows('head', 'unknown');
  // Several changes, of which only one is published.
  for (let i = 0; i < 5; i++) await commit(`one${i}`, i);
  await say([2, 'newer', 7, 4]);
  for (let i = 0; i < 5; i++) await follows(`one${i}`, i);
  t.equal(await metric('malformed'), 0, 'none of it is taken for damage');
  const late = await client(t, node);
  t.same((await late.subscribe('doc'))['state'], replica.state);
});

test('contract 7: elements that a newer node appends to a message are ignored, and the rest is read', async (t) => {
  const { commit, say, follows, metric } = await besideNewer(t);
  const loads = await metric('resyncs');
  const { path, value, deleted, timestamp, counter, clientId, stamp } = await commit('longer', [1]);
  const field = [path, value, deleted, timestamp, counter, clientId, stamp, { added: true }];
  await say([1, 'newer', 7, 2, 0, Date.now(), 0, stamp, [field], null, [], 1, null, 'added', { more: [1] }]);
  await follows('longer', [1]);
  t.equal(await metric('resyncs'), loads, 'without a load');
});

test('a node continues after it received a value that no storage accepts', async (t) => {
  const { say, node, follows, metric } = await besideNewer(t);
  const field = ['f', '1', false, Date.now(), 1, 'them'];
  await say([1, 'broken', 7, 1, 0, Date.now(), 0, 1e300, [[...field, 5]], null, []]);
  await say([1, 'broken', 7, 2, 0, Date.now(), 0, 5, [[...field, 2 ** 60]], null, []]);
  await until('both are refused', async () => (await metric('malformed')) === 2);
  const writer = await client(t, node);
  await writer.acked(writer.set('doc', 'f', 'ours'));
  await follows('f', 'ours');
});
