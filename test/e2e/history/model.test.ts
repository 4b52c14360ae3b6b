/** History, the past and rollbacks against a model, with several who write at once: one node and two. */
import { isDeepStrictEqual } from 'node:util';
import { test, type Test } from 'tap';
import { cluster } from '../../support/nodes/cluster.js';
import { client, folder, secret, server, token } from '../../support/nodes/fixture.js';
import { nextMillisecond } from '../../support/next-millisecond.js';
import { Random, seedsToPlay } from '../../support/random.js';
import { until, type ServerProcess } from '../../support/nodes/server.js';
import { Historian, type Past } from './historian.js';

const env = { JWT_SECRET: secret, HISTORY_PREFIXES: '*', SHARDS: '2' };
const rights = { read: ['*'], write: ['*'] };
const ROUNDS = 6;

interface Moment {
  readonly at: number;
  readonly past: Past;
}

/** Several users write at once, some over sockets; between rounds, when all is durable, the document is looked at. */
async function play(t: Test, random: Random, nodes: readonly ServerProcess[]): Promise<Moment[]> {
  const users = ['ann', 'bob', 'cat'];
  const backends = users.map((user, i) => new Historian(nodes[i % nodes.length]!, user));
  const sockets = await Promise.all(
    users.map((user, i) => client(t, nodes[(i + 1) % nodes.length]!, { token: token(user, rights) })),
  );
  const [observer] = backends as [Historian];
  const moments: Moment[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const writes = Array.from({ length: 12 }, async (_, i): Promise<unknown> => {
      const who = random.below(users.length);
      const field = random.pick(['a', 'b', 'c', 'd']);
      const value = `${round}-${i}`;
      switch (random.below(4)) {
        case 0:
          return backends[who]!.ask('PATCH', '/documents/d', { [field]: random.once(3) ? null : value, e: value });
        case 1:
          return backends[who]!.ask('PUT', '/documents/d/text', {
            content: `${value} ${'é👋🏽'.repeat(random.below(20))}`,
          });
        default: {
          const socket = sockets[who]!;
          return socket.acked(socket.set('d', field, value, { clientId: users[who], timestamp: Date.now() }));
        }
      }
    });
    await Promise.all(writes);
    await nextMillisecond();
    const at = Date.now();
    await nextMillisecond();
    const fields = await observer.fields('d');
    const text = await observer.ask('GET', '/documents/d/text');
    moments.push({ at, past: { fields, ...(text.status === 200 ? { text: await text.text() } : {}) } });
  }
  return moments;
}

/** The entries of each field lead from one value to the next, and the last to what it holds. */
async function checkChain(t: Test, backend: Historian, about: string): Promise<void> {
  const last = new Map<string, unknown>();
  const fields = await backend.fields('d');
  for (const { fields: changed } of await backend.activity('d', { pause: '0' })) {
    for (const { field, before, after } of changed) {
      const expected = last.has(field) ? last.get(field) : fields[field];
      if (after !== expected) t.equal(after, expected, `${about}: ${field}`);
      last.set(field, before);
    }
  }
  t.ok(last.size > 0);
  for (const [field, before] of last) t.equal(before, undefined, `${about}: ${field} began with nothing`);
}

async function checkAll(t: Test, to: ServerProcess, moments: readonly Moment[], about: string): Promise<void> {
  const backend = new Historian(to, 'ann');
  for (const { at, past } of moments) t.strictSame(await backend.at('d', at), past, `${about} at ${at}`);
  await checkChain(t, backend, about);
}

async function checkRollback(t: Test, nodes: readonly ServerProcess[], { at, past }: Moment): Promise<void> {
  const backend = new Historian(nodes[0]!, 'root');
  const follower = await client(t, nodes.at(-1)!, { token: token('eve', rights) });
  await follower.subscribe('d');
  const { changed, kept } = await backend.json<Record<string, string[]>>('POST', '/documents/d/rollback', {
    since: at,
  });
  t.strictSame(kept, []);
  const now = { fields: await backend.fields('d'), text: await (await backend.ask('GET', '/documents/d/text')).text() };
  t.strictSame(now, { text: '', ...past }, 'it is as it was');
  for (const field of changed!) {
    await follower.expect(`the rollback of ${field}`, (message) =>
      JSON.stringify(message).includes(`"field":"${field}"`),
    );
  }
}

const seeds = seedsToPlay([], 2);

for (const seed of seeds) {
  test(`the past is what was seen then, also after a restart (lmdb, SEED=${seed})`, async (t) => {
    const random = new Random(seed);
    const own = { ...env, SYNCKIT_DATA_DIR: await folder(t) };
    const to = await server(t, own);
    const moments = await play(t, random, [to]);
    await checkAll(t, to, moments, `seed ${seed}`);
    await to.kill('SIGKILL');
    const again = await server(t, own);
    await checkAll(t, again, moments, `seed ${seed}, restarted`);
    await checkRollback(t, [again], moments[random.below(ROUNDS - 1)]!);
  });
}

test(`the past is the same on both nodes of a cluster (SEED=${seeds[0]})`, async (t) => {
  const random = new Random(seeds[0]!);
  const { nodes } = await cluster(t, env);
  const moments = await play(t, random, nodes);
  for (const [i, node] of nodes.entries()) await checkAll(t, node, moments, `node ${i}`);
  await checkRollback(t, nodes, moments[random.below(ROUNDS - 1)]!);
  await until('the other node to have it', async () => {
    const [one, other] = await Promise.all(nodes.map((node) => new Historian(node, 'ann').fields('d')));
    return isDeepStrictEqual(one, other);
  });
});
