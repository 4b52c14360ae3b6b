/** Awareness on nodes that share a real Postgres and a real Redis: clients of any node see each other. */
import { fileURLToPath } from 'node:url';
import tap, { test } from 'tap';
import type { RawClient } from '../../support/clients/client.js';
import { cluster } from '../../support/nodes/cluster.js';
import { client, secret, server, token } from '../../support/nodes/fixture.js';
import { database } from '../../support/postgres/postgres.js';
import { startRedis } from '../../support/redis/redis.js';
import type { Command, ShardReport } from '../../support/nodes/killable-main.js';
import { startServer, until, type ServerProcess } from '../../support/nodes/server.js';

tap.setTimeout(300_000);

const killable = fileURLToPath(new URL('../../support/nodes/killable-main.js', import.meta.url));

const show = (raw: RawClient, clientId: string, state: object | null, clock: number, documentId = 'room') =>
  raw.send('awareness_update', { documentId, clientId, state, clock });

/** A client that tracks awareness by clocks, as SDKs do. */
class Watcher {
  readonly #known = new Map<string, { state: unknown; clock: number }>();

  constructor(
    readonly raw: RawClient,
    documentId = 'room',
  ) {
    raw.onMessage = (message) => {
      if (message['documentId'] !== documentId) return;
      if (message.type === 'awareness_update') this.#take(message);
      if (message.type !== 'awareness_state') return;
      for (const state of message['states'] as Record<string, unknown>[]) this.#take(state);
    };
    raw.send('awareness_subscribe', { documentId });
  }

  get known(): string {
    return JSON.stringify([...this.#known].sort());
  }

  #take({ clientId, state, clock }: Record<string, unknown>): void {
    const former = this.#known.get(clientId as string);
    if (state === null) {
      if (former !== undefined && (clock as number) >= former.clock) this.#known.delete(clientId as string);
    } else if (former === undefined || (clock as number) > former.clock) {
      this.#known.set(clientId as string, { state, clock: clock as number });
    }
  }
}

type Expected = Readonly<Record<string, readonly [state: object, clock: number]>>;

async function know(watchers: readonly Watcher[], expected: Expected): Promise<void> {
  const states = Object.entries(expected).map(([clientId, [state, clock]]) => [clientId, { state, clock }]);
  const wanted = JSON.stringify(states.sort());
  await until(`all to know ${wanted}`, () => watchers.every(({ known }) => known === wanted)).catch(
    (error: unknown) => {
      throw new Error(`${String(error)}, but they know ${watchers.map(({ known }) => known).join(' and ')}`);
    },
  );
}

test('AWR6: clients of two nodes see each other, in both encodings, come and go', async (t) => {
  const { nodes } = await cluster(t);
  const ann = await client(t, nodes[0]);
  const bob = await client(t, nodes[1], { encoding: 'json' });
  const watchers = [new Watcher(ann), new Watcher(bob)];
  const state = { cursor: { x: 1.5 }, name: 'Änn "A" \u2028\u0000' };
  show(ann, 'a', state, 1);
  show(bob, 'b', {}, 7);
  await know(watchers, { a: [state, 1], b: [{}, 7] });
  for (let i = 2; i <= 200; i++) show(ann, 'a', { i }, i);
  await know(watchers, { a: [{ i: 200 }, 200], b: [{}, 7] });
  for (const node of nodes) {
    const late = await client(t, node, { encoding: node === nodes[0] ? 'json' : 'binary' });
    late.send('awareness_subscribe', { documentId: 'room' });
    const answer = await late.expect('the state', (message) => message.type === 'awareness_state');
    const ids = (answer['states'] as { clientId: string }[]).map(({ clientId }) => clientId);
    t.strictSame(ids.sort(), ['a', 'b'], 'who joins is told of all nodes');
  }
  // The first subscriber of a node gets the states once the other node has answered.
  const elsewhere = [await client(t, nodes[0]), await client(t, nodes[1])];
  show(elsewhere[0]!, 'c', { here: true }, 3, 'other');
  await know([new Watcher(elsewhere[1]!, 'other')], { c: [{ here: true }, 3] });
  ann.socket.terminate();
  await know(watchers.slice(1), { b: [{}, 7] });
  show(bob, 'b', null, 8);
  await know(watchers.slice(1), {});
});

test('AWR7: a client moves to another node, and no user can use the client id of another', async (t) => {
  const { nodes } = await cluster(t, { JWT_SECRET: secret });
  const as = (node: ServerProcess, user: string) => client(t, node, { token: token(user, { read: ['*'] }) });
  const watchers = [new Watcher(await as(nodes[0], 'w')), new Watcher(await as(nodes[1], 'w'))];
  const before = await as(nodes[0], 'ann');
  show(before, 'a', { at: 0 }, 50);
  await know(watchers, { a: [{ at: 0 }, 50] });
  const eve = await as(nodes[1], 'eve');
  const refused = await eve.refused(show(eve, 'a', { fake: true }, 99));
  t.match(refused.details, { code: 'PERMISSION_DENIED' });
  const after = await as(nodes[1], 'ann');
  show(after, 'a', { at: 1 }, 1);
  await know(watchers, { a: [{ at: 1 }, 1] });
  await before.close();
  show(after, 'a', { at: 1, still: true }, 2);
  await know(watchers, { a: [{ at: 1, still: true }, 2] });
  const heard = watchers[0]!.raw.received('awareness_update').map(({ state, clock }) => [state, clock]);
  t.strictSame(heard, [
    [{ at: 0 }, 50],
    [null, 50],
    [{ at: 1 }, 1],
    [{ at: 1, still: true }, 2],
  ]);
});

test('AWR8: Redis is killed and comes back, a node is killed, another goes', async (t) => {
  const { nodes, redis } = await cluster(t, { SYNCKIT_AWARENESS_TIMEOUT_MS: '6000', SHUTDOWN_DRAIN_MS: '100' });
  const [ann, bob] = [await client(t, nodes[0]), await client(t, nodes[1], { encoding: 'json' })];
  const watchers = [new Watcher(ann), new Watcher(bob)];
  const states = { a: 1, b: 1 };
  // Renewals, as clients send them.
  const renewing = setInterval(() => {
    show(ann, 'a', { n: states.a }, states.a);
    show(bob, 'b', { n: states.b }, states.b);
  }, 500);
  t.teardown(() => clearInterval(renewing));
  const leaver = await client(t, nodes[0]);
  show(leaver, 'leaver', {}, 1);
  await know(watchers, { a: [{ n: 1 }, 1], b: [{ n: 1 }, 1], leaver: [{}, 1] });
  await redis.kill();
  leaver.socket.terminate();
  states.a = states.b = 2;
  await until('the others here to know', () => watchers[0]!.known.includes('{"n":2}'));
  await redis.restart();
  await know(watchers, { a: [{ n: 2 }, 2], b: [{ n: 2 }, 2] });
  states.a = 3;
  await know(watchers, { a: [{ n: 3 }, 3], b: [{ n: 2 }, 2] });
  await nodes[0].kill('SIGKILL');
  await know(watchers.slice(1), { b: [{ n: 2 }, 2] });
  t.ok(bob.received('awareness_update').some(({ clientId, state }) => clientId === 'a' && state === null));
});

test('AWR8: the clients of a draining node leave at once, those of a killed node when it leaves the list of nodes', async (t) => {
  // Nothing expires while the test runs.
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const { url } = await database(t);
  const env = { DATABASE_URL: url, REDIS_URL: redis.url, DB_POOL_MAX: '4', SYNCKIT_AWARENESS_TIMEOUT_MS: '3600000' };
  const more = { ...env, SHUTDOWN_DRAIN_MS: '100', SHARDS: '1' };
  const one = await startServer({ ...more, SYNCKIT_NODE_ID: 'one' }, killable);
  t.teardown(() => one.kill('SIGKILL'));
  const two = await server(t, { ...more, SYNCKIT_NODE_ID: 'two' });
  const [ann, bob] = [await client(t, one), await client(t, two)];
  const watchers = [new Watcher(ann), new Watcher(bob)];
  show(ann, 'a', {}, 1);
  show(bob, 'b', {}, 1);
  await know(watchers, { a: [{}, 1], b: [{}, 1] });
  one.child.send({ terminate: 0 } satisfies Command);
  await until('another worker', () => {
    one.child.send({} satisfies Command);
    const { restarts, running } = (one.messages.at(-1) ?? {}) as Partial<ShardReport>;
    return restarts?.[0] === 1 && running === true;
  });
  show(ann, 'a', { n: 2 }, 2);
  show(bob, 'b', { n: 2 }, 2);
  await know(watchers, { a: [{ n: 2 }, 2], b: [{ n: 2 }, 2] });
  two.child.kill('SIGTERM');
  await know(watchers.slice(0, 1), { a: [{ n: 2 }, 2] });
  t.strictSame(await two.ended, { code: 0, signal: null });

  const three = await server(t, { ...more, SYNCKIT_NODE_ID: 'three' });
  show(await client(t, three), 'c', {}, 1);
  await know(watchers.slice(0, 1), { a: [{ n: 2 }, 2], c: [{}, 1] });
  // A node that was killed before it was on the list would not be found missing.
  await until('one to list it', async () => {
    const { cluster } = (await (await fetch(`${one.http}/health`)).json()) as { cluster: { nodes: unknown[] } };
    return cluster.nodes.length === 2;
  });
  await three.kill('SIGKILL');
  await know(watchers.slice(0, 1), { a: [{ n: 2 }, 2] });
});
