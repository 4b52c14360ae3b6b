/** Two nodes whose Redis fails over, as its Sentinels decide, while clients write and move their cursors. */
import { test } from 'tap';
import { cluster } from '../../support/nodes/cluster.js';
import { client } from '../../support/nodes/fixture.js';
import { failOver, masterName, redisPair, roleOf, sentinels } from '../../support/redis/redis-failover.js';
import { Replica } from '../../support/clients/replica.js';
import { until } from '../../support/nodes/server.js';

test('after a failover that kept all connections open, writes and cursors cross the nodes again', async (t) => {
  const pair = await redisPair(t);
  const watching = await sentinels(t, pair.first, 2);
  const { nodes } = await cluster(t, {
    REDIS_URL: 'redis://127.0.0.1:1',
    REDIS_SENTINELS: watching.map(({ address }) => address).join(),
    REDIS_SENTINEL_MASTER: masterName,
    // Only the bus brings what the other node wrote.
    CLUSTER_COMPARE_INTERVAL: '3600000',
  });
  const [writer, reader] = [await client(t, nodes[0]), await client(t, nodes[1])];
  await reader.subscribe('doc');
  reader.send('awareness_subscribe', { documentId: 'doc' });
  const replica = new Replica(reader, 'doc');
  const cross = async (n: number): Promise<void> => {
    await writer.acked(writer.set('doc', 'n', n));
    await until('the other node to follow', () => replica.state['n'] === n);
    const cursor = { documentId: 'doc', clientId: 'writer', state: { n }, clock: n };
    writer.send('awareness_update', cursor);
    await reader.expect(
      'the cursor',
      ({ type, state }) => type === 'awareness_update' && (state as { n?: number } | null)?.n === n,
    );
  };
  await cross(1);

  await failOver(watching[0]!, pair.second);
  await until('the former master is demoted', async () => (await roleOf(pair.first)).startsWith('slave'), 60_000);
  const isBack = ({ msg }: { readonly msg: string }): boolean => msg === 'connected to the bus';
  await until(
    'both nodes, each of two shards, are on the bus again',
    () => nodes.every(({ log }) => log.filter(isBack).length >= 4),
    60_000,
  );
  await cross(2);
  const ready = await fetch(`${nodes[0].http}/health/ready`);
  t.equal(ready.status, 200);
});
