/**
 * Redis that loses messages: every third publish of every node is swallowed on its way, in the end all of them, and the
 * node is told that it was published. While that goes on and nobody reconnects, no client stays behind.
 */
import tap, { test } from 'tap';
import { Random } from '../../support/random.js';
import { until } from '../../support/nodes/server.js';
import { ExpectedStates } from '../../support/values/write-order.js';
import { ClusterWorld } from './cluster-world.js';
import { FieldWanderer, TextWanderer, type Kind } from './wanderer.js';

tap.setTimeout(300_000);

/**
 * In each round one of so many publishes is lost. A node that writes learns from the numbers of its commits that there
 * were others; in the end only the first one's clients write, so the rest have to find out by asking.
 */
const rounds = [
  { lostOf: 3, nodesThatWrite: 3 },
  { lostOf: 3, nodesThatWrite: 3 },
  { lostOf: 3, nodesThatWrite: 1 },
  { lostOf: 1, nodesThatWrite: 1 },
];
const WRITES = 60;
const kinds: readonly Kind[] = [
  { encoding: 'binary', supportsBatch: false },
  { encoding: 'json', supportsBatch: true },
];
const documents = ['a', 'b', 'c', 'd'].map((name) => `loss-${name}`);

test('while publishes are lost, no client stays behind', async (t) => {
  const world = await ClusterWorld.start();
  t.teardown(() => world.stop());
  const random = new Random(1);
  const expected = new ExpectedStates();
  const notes = { sent: expected.add.bind(expected), acked: () => undefined };
  const writers: FieldWanderer[] = [];
  const typists: TextWanderer[] = [];
  for (const [n, node] of world.nodes.entries()) {
    const homes = kinds.map((kind, i) => new FieldWanderer(`writer-${node.name}-${i}`, kind, documents, notes));
    const typist = new TextWanderer(`typist-${node.name}`, 'loss-text', kinds[n % 2]!.encoding);
    for (const wanderer of [...homes, typist]) await wanderer.connect(node.url, random);
    writers.push(...homes);
    typists.push(typist);
  }
  const all = [...writers, ...typists];
  t.teardown(() => {
    for (const wanderer of all) wanderer.disconnect();
  });
  await until('all to be there', () => all.every(({ settled }) => settled));
  const connections = writers.map(({ client }) => client.connection);

  for (const { lostOf, nodesThatWrite } of rounds) {
    for (const { losses } of world.nodes) losses.every = lostOf;
    const writing = world.nodes
      .slice(0, nodesThatWrite)
      .flatMap(({ name }) => all.filter((one) => one.name.includes(name)));
    const lostBefore = world.nodes.map(({ losses }) => losses.lost);
    for (let i = 0; i < WRITES; i++) {
      for (const wanderer of writing) if (random.once(2)) wanderer.act(random);
      await new Promise((resolve) => setTimeout(resolve, random.below(20)));
    }
    await until('all acks', () => {
      for (const wanderer of all) wanderer.nudge();
      return all.every(({ settled }) => settled);
    });
    const behind = (): string[] => [
      ...writers
        .filter(({ client }) => documents.some((id) => client.document(id).live !== expected.live(id)))
        .map(({ name }) => name),
      ...typists.filter(({ text }) => text !== typists[0]!.text).map(({ name }) => name),
    ];
    // Who still is behind after that is told.
    await until('equal states', () => behind().length === 0).catch(() => undefined);
    t.strictSame(behind(), [], `nobody is behind while one of ${lostOf} is lost`);
    const lost = world.nodes.map(({ losses }, i) => losses.lost - lostBefore[i]!);
    t.ok(
      lost.slice(0, nodesThatWrite).every((count) => count > 0),
      `${lost.join(', ')} publishes were lost`,
    );
  }
  t.strictSame(
    writers.map(({ client }) => client.connection),
    connections,
    'nobody has reconnected',
  );
  t.ok(
    typists.every(({ connected }) => connected),
    'no typist was disconnected',
  );
  t.strictSame(
    all.flatMap(({ problems }) => problems),
    [],
  );
  t.strictSame(
    world.nodes.flatMap((node) => node.errorsSince(0)),
    [],
  );
});
