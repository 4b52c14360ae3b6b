/** Nodes that share a real Postgres and a real Redis: clients of any node see each other, whatever dies. */
import { isDeepStrictEqual } from 'node:util';
import { fileURLToPath } from 'node:url';
import tap, { test } from 'tap';
import { openPostgresStorage } from '../../../src/storage/postgres/storage.js';
import { change, row } from '../../contract/storage-rows.js';
import { RawClient } from '../../support/clients/client.js';
import { cluster } from '../../support/nodes/cluster.js';
import { client } from '../../support/nodes/fixture.js';
import { Replica } from '../../support/clients/replica.js';
import type { Command, ShardReport } from '../../support/nodes/killable-main.js';
import { startServer, until, type ServerProcess } from '../../support/nodes/server.js';
import { TextClient } from '../../support/clients/text-client.js';

tap.setTimeout(300_000);

/** The state that a new client gets. */
async function stateOn(node: ServerProcess, documentId: string): Promise<unknown> {
  const late = await RawClient.connect(node.url);
  const { state } = await late.subscribe(documentId);
  late.socket.terminate();
  return state;
}

test('a write on one node reaches the subscribers of the other, in every variant', async (t) => {
  const { nodes } = await cluster(t);
  const writer = await client(t, nodes[0]);
  const replicas: Replica[] = [];
  for (const encoding of ['binary', 'json'] as const) {
    const raw = await client(t, nodes[1], { encoding });
    await raw.subscribe('doc');
    replicas.push(new Replica(raw, 'doc'));
  }
  for (let i = 0; i < 20; i++) await writer.acked(writer.set('doc', `f${i % 5}`, i));
  await writer.acked(writer.set('doc', 'f0', { __deleted: true }));
  const expected = { f1: 16, f2: 17, f3: 18, f4: 19 };
  for (const replica of replicas) {
    await until('the other node to follow', () => JSON.stringify(replica.state) === JSON.stringify(expected));
  }
  t.same(await stateOn(nodes[1], 'doc'), expected);
});

test('both nodes write one field, and all end with the same value', async (t) => {
  const { nodes } = await cluster(t);
  const raws = [await client(t, nodes[0]), await client(t, nodes[1], { encoding: 'json' })];
  const replicas: Replica[] = [];
  // Others than the writers: who shows its own write is not sent it.
  for (const raw of [await client(t, nodes[0]), await client(t, nodes[1], { encoding: 'json' })]) {
    await raw.subscribe('doc');
    replicas.push(new Replica(raw, 'doc'));
  }
  const ids = raws.map((raw, n) => Array.from({ length: 50 }, (_, i) => raw.set('doc', `f${i % 3}`, `${n}-${i}`)));
  for (const [n, raw] of raws.entries()) for (const id of ids[n]!) await raw.acked(id);
  await until('all to agree', async () => {
    const states = [
      await stateOn(nodes[0], 'doc'),
      await stateOn(nodes[1], 'doc'),
      ...replicas.map(({ state }) => state),
    ];
    return states.every((state) => isDeepStrictEqual(state, states[0]));
  });
  t.strictSame(Object.keys(replicas[0]!.state).sort(), ['f0', 'f1', 'f2']);
});

test('texts and relayed operations cross nodes', async (t) => {
  const { nodes } = await cluster(t);
  const clients = nodes.map((_, i) => new TextClient(`client-${i}`, 'doc'));
  for (const [i, node] of nodes.entries()) await clients[i]!.connect(node.url);
  t.teardown(() => {
    for (const one of clients) one.drop();
  });
  await until('both to be there', () => clients.every(({ settled }) => settled));
  for (let i = 0; i < 20; i++) {
    for (const one of clients) {
      one.insert(one.replica.length, `${one.replica.clientId} ${i} é\n`);
      if (one.replica.length > 30) one.delete(3, 2);
      one.send();
    }
    if (i % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await until('both to agree', () => {
    for (const one of clients) one.send();
    return clients.every(({ settled }) => settled) && clients[0]!.replica.text() === clients[1]!.replica.text();
  });
  t.ok(clients[0]!.replica.length > 100);

  const [sender, other] = [await client(t, nodes[0]), await client(t, nodes[1])];
  await other.subscribe('counted');
  await other.roundTrip();
  await new Promise((resolve) => setTimeout(resolve, 300));
  const counter = { type: 'counter', documentId: 'counted', operation: 'increment', value: 1, clientId: 'c' };
  await sender.acked(sender.send('delta_batch', { documentId: 'counted', deltas: [counter] }));
  await other.expect('the operation', (message) => message.type === 'delta_batch');
  t.strictSame(
    other.received('delta_batch').map(({ deltas }) => deltas),
    [[counter]],
  );
});

test('Redis is killed and comes back: local clients go on, and all converges', async (t) => {
  const { nodes, redis } = await cluster(t);
  const raws = [await client(t, nodes[0]), await client(t, nodes[1])];
  const replicas: Replica[] = [];
  for (const raw of raws) {
    await raw.subscribe('doc');
    replicas.push(new Replica(raw, 'doc'));
  }
  await redis.kill();
  for (const [n, raw] of raws.entries()) for (let i = 0; i < 10; i++) await raw.acked(raw.set('doc', `n${n}`, i));
  // Nor is any of them sent its own writes (ECHO1).
  for (const { state } of replicas) t.same(state, {}, 'nothing is heard of the other');
  await redis.restart();
  await until('both to agree', () => replicas[1]!.state['n0'] === 9 && replicas[0]!.state['n1'] === 9);
  await raws[0]!.acked(raws[0]!.set('doc', 'after', true));
  await until('it to go on', () => replicas[1]!.state['after'] === true);
});

test('a node is killed: what it acknowledged reaches the other node, and its clients reconnect there', async (t) => {
  const { nodes, env } = await cluster(t);
  const [writer, reader] = [await client(t, nodes[0]), await client(t, nodes[1])];
  await reader.subscribe('doc');
  const replica = new Replica(reader, 'doc');
  const ids = Array.from({ length: 200 }, (_, i) => writer.set('doc', `f${i}`, i));
  await writer.acked(ids[50]!);
  await nodes[0].kill('SIGKILL');
  const acked = new Set(writer.received('ack').map((ack) => ack['messageId']));
  const floor = ids.flatMap((id, i) => (acked.has(id) ? [i] : []));
  const state = (await stateOn(nodes[1], 'doc')) as Record<string, number>;
  t.ok(floor.length > 50);
  const third = await startServer({ ...env, SYNCKIT_NODE_ID: 'three' });
  t.teardown(() => third.kill('SIGKILL'));
  const stored = (await stateOn(third, 'doc')) as Record<string, number>;
  t.strictSame(
    floor.filter((i) => stored[`f${i}`] !== i),
    [],
    'every acknowledged write is stored',
  );
  const writer2 = await client(t, third);
  await writer2.acked(writer2.set('doc', 'last', 1));
  await until(
    'the other node to have all',
    () => floor.every((i) => replica.state[`f${i}`] === i) && replica.state['last'] === 1,
  );
  t.ok(Object.keys(state).length <= Object.keys(stored).length);
});

test('a shard dies: its documents are subscribed again, and no update is missed', async (t) => {
  const { nodes, env } = await cluster(t, { CLUSTER_COMPARE_INTERVAL: '3600000' });
  const killable = fileURLToPath(new URL('../../support/nodes/killable-main.js', import.meta.url));
  const third = await startServer({ ...env, SYNCKIT_NODE_ID: 'three', SHARDS: '1' }, killable);
  t.teardown(() => third.kill('SIGKILL'));
  const [writer, reader] = [await client(t, nodes[0]), await client(t, third)];
  const documents = Array.from({ length: 30 }, (_, i) => `doc-${i}`);
  for (const id of documents) await reader.subscribe(id);
  const replicas = documents.map((id) => new Replica(reader, id));
  const restarts = (): number => (third.messages.at(-1) as ShardReport | undefined)?.restarts[0] ?? 0;
  let last = 0;
  for (let round = 1; round <= 3; round++) {
    third.child.send({ terminate: 0 } satisfies Command);
    // Without a worker, no update is received.
    for (; last < round * 100 || restarts() < round; last++) {
      await writer.acked(writer.set(documents[last % documents.length]!, `f${last}`, last));
      if (last % 10 === 0) third.child.send({} satisfies Command);
    }
    const missing = (): number[] =>
      Array.from({ length: last }, (_, i) => i).filter((i) => replicas[i % documents.length]!.state[`f${i}`] !== i);
    await until('all to be heard', () => missing().length === 0).catch(() => t.strictSame(missing(), []));
  }
  t.equal(reader.socket.readyState, reader.socket.OPEN);
});

test('a node is killed between commit and publishing: the others detect the commit', async (t) => {
  const { nodes, env } = await cluster(t, { CLUSTER_COMPARE_INTERVAL: '500' });
  const reader = await client(t, nodes[0]);
  await reader.subscribe('doc');
  const replica = new Replica(reader, 'doc');
  await reader.acked(reader.set('doc', 'own', 1));
  const url = env['DATABASE_URL']!;
  const storage = openPostgresStorage({ url, minConnections: 1, maxConnections: 1, statementTimeoutMs: 10_000 });
  t.teardown(() => storage.close());
  // Below the document's L, so that only the commit number reveals it.
  const { numbers } = await storage.commit([change('doc', [row({ path: 'silent', value: '2' })], 1)]);
  t.equal(numbers.get('doc'), 2);
  await until('the reader to have it', () => replica.state['silent'] === 2);
  await reader.acked(reader.set('doc', 'own', 3));
  const { numbers: next } = await storage.commit([
    change('doc', [row({ path: 'silent', value: '4', counter: 99 })], 1),
  ]);
  t.equal(next.get('doc'), 4, 'every commit counts, whoever made it');
  const writer = await client(t, nodes[1]);
  await writer.acked(writer.set('doc', 'last', 5));
  await until('all', () => replica.state['silent'] === 4 && replica.state['last'] === 5);
});
