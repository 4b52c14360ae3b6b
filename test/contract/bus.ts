/** What every bus promises; each adapter runs this suite (test/cluster/<adapter>/). */
import t, { type Test as Tap } from 'tap';
import type { BusOptions } from '../../src/cluster/numbered-bus.js';
import type { Bus } from '../../src/cluster/port.js';
import { BusNode, SharedStorage } from '../support/redis/bus-node.js';
import { BusRecorder, updatedField, updateOf } from '../support/redis/bus-recorder.js';
import { until } from '../support/nodes/server.js';
import { busFailureContract } from './bus-failures.js';
import { awarenessContract } from './bus-awareness.js';
import { newSeed, randomFrom } from './random.js';

/** What connects the buses of one test. */
export interface BusWorld {
  open(options: BusOptions): Bus;
  /** Sends bytes through a channel as some other node would: `doc:<id>`, or `aw:<id>` for awareness. */
  inject(channel: string, bytes: Uint8Array): Promise<void>;
  /** The messages to be lost from now on, by their numbers; tails count too. */
  lose(loses: (message: number) => boolean): void;
  /** Cuts the connections of a bus, and keeps them from being made again. */
  cut(bus: Bus): void;
  mend(bus: Bus): void;
  cleanup(): Promise<void>;
}

/** One bus of a test, and what it did. */
export interface Member {
  readonly bus: Bus;
  readonly seen: BusRecorder;
}

/** Runs one test of a suite with a world of its own. */
export type Test = (
  title: string,
  run: (t: Tap, world: BusWorld, join: (node: string) => Promise<Member>) => Promise<void>,
) => unknown;

/** Runs the suite with a new world for each test. */
export function busContract(name: string, open: () => Promise<BusWorld>): void {
  const test: Test = (title, run) =>
    t.test(`${name}: ${title}`, async (t) => {
      const world = await open();
      t.teardown(() => world.cleanup());
      await run(t, world, (node) => joinWorld(t, world, node));
    });

  void test('updates reach the other subscribers of its document, and nobody else', async (t, _world, join) => {
    const [a, b, c] = [await join('a'), await join('b'), await join('c')];
    for (const { bus } of [a, b]) bus.subscribe(['doc', 'end']);
    c.bus.subscribe(['other', 'end']);
    await Promise.all([a.seen.subscribed('doc', 'end'), b.seen.subscribed('doc', 'end'), c.seen.subscribed('end')]);
    const fields = [updatedField({ path: '', value: '"é\u{1f600}"', counter: 0.5 }), updatedField({ deleted: true })];
    const update = {
      documentId: 'doc',
      stamp: 42,
      fields,
      text: Uint8Array.of(0, 255, 1),
      relays: ['{"op":"x"}'],
      commit: 3,
    };
    a.bus.publish(update);
    b.bus.publish(updateOf('end'));
    a.bus.publish(updateOf('end'));
    await until('the end', () => [a, b, c].every(({ seen }) => seen.valuesOf('end').length > 0));
    await until('update', () => b.seen.updates.length === 2);
    const [received] = b.seen.updates;
    t.strictSame({ ...received, text: [...(received?.text ?? [])] }, { ...update, text: [0, 255, 1] });
    t.same(a.seen.valuesOf('doc'), [], 'not to itself');
    t.same(c.seen.valuesOf('doc'), []);
    t.ok(b.seen.lags.every((lag) => lag >= 0) && b.seen.lags.length === 2);
    t.equal(b.seen.counted.gaps, 0);
  });

  void test('two buses of one node hear each other', async (t, _world, join) => {
    const [one, two] = [await join('node'), await join('node')];
    two.bus.subscribe(['doc']);
    await two.seen.subscribed('doc');
    one.bus.publish(updateOf('doc', 5));
    await until('update', () => two.seen.updates.length === 1);
    t.same(two.seen.valuesOf('doc'), [5]);
  });

  void test('a subscription is answered once, whatever it is given again', async (t, _world, join) => {
    const [a, b] = [await join('a'), await join('b')];
    b.bus.subscribe(['doc', 'doc']);
    b.bus.subscribe(['doc']);
    await b.seen.subscribed('doc');
    b.bus.subscribe(['doc']);
    a.bus.publish(updateOf('doc'));
    await until('update', () => b.seen.updates.length > 0);
    b.bus.subscribe(['end']);
    await b.seen.subscribed('end');
    t.same(b.seen.resyncs('subscribed'), ['doc', 'end']);
    t.equal(b.seen.updates.length, 1);
  });

  void test('after unsubscribing nothing comes; it may be taken up again', async (t, _world, join) => {
    const [a, b] = [await join('a'), await join('b')];
    b.bus.subscribe(['doc', 'end']);
    await b.seen.subscribed('doc', 'end');
    b.bus.unsubscribe(['doc', 'unknown']);
    b.bus.unsubscribe(['doc']);
    a.bus.publish(updateOf('doc', 'unwanted'));
    a.bus.publish(updateOf('end'));
    await until('update', () => b.seen.valuesOf('end').length > 0);
    t.same(b.seen.valuesOf('doc'), []);
    b.bus.subscribe(['doc']);
    await until('a second subscription', () => b.seen.resyncs('subscribed').length === 3);
    a.bus.publish(updateOf('doc', 'wanted'));
    await until('update', () => b.seen.valuesOf('doc').length > 0);
    t.same(b.seen.valuesOf('doc'), ['wanted']);
  });

  void test('what is given up and taken up in one turn counts as its last state', async (t, _world, join) => {
    const [a, b] = [await join('a'), await join('b')];
    b.bus.subscribe(['kept']);
    await b.seen.subscribed('kept');
    b.bus.unsubscribe(['kept']);
    b.bus.subscribe(['kept', 'brief']);
    b.bus.unsubscribe(['brief']);
    await until('a second subscription', () => b.seen.resyncs('subscribed').length === 2);
    a.bus.publish(updateOf('brief'));
    a.bus.publish(updateOf('kept', 5));
    await until('update', () => b.seen.updates.length > 0);
    t.same(b.seen.valuesOf('kept'), [5]);
    t.same(b.seen.resyncs('subscribed'), ['kept', 'kept']);
  });

  void test('what was given to publish may be changed afterwards', async (t, _world, join) => {
    const [a, b] = [await join('a'), await join('b')];
    b.bus.subscribe(['doc']);
    await b.seen.subscribed('doc');
    const text = Uint8Array.of(1, 2, 3);
    a.bus.publish({ ...updateOf('doc'), text });
    text.fill(9);
    await until('update', () => b.seen.updates.length === 1);
    t.same([...(b.seen.updates[0]!.text ?? [])], [1, 2, 3]);
  });

  void test('what is too large is not sent; receivers load it', async (t, world, join) => {
    const seen = new BusRecorder();
    const bus = world.open({ ...seen.options('a'), maxMessageBytes: 10_000 });
    t.teardown(() => bus.close());
    const b = await join('b');
    b.bus.subscribe(['doc', 'fresh']);
    await b.seen.subscribed('doc', 'fresh');
    await until('a connection', () => bus.connected);
    bus.publish(updateOf('doc', 1));
    bus.publish(updateOf('doc', 'x'.repeat(10_000)));
    bus.publish({ ...updateOf('fresh'), text: new Uint8Array(10_000) });
    await until('gaps', () => b.seen.resyncs('gap').length === 2);
    bus.publish(updateOf('doc', 2));
    await until('update', () => b.seen.valuesOf('doc').length === 2);
    t.same(b.seen.valuesOf('doc'), [1, 2]);
    t.same(b.seen.resyncs('gap'), ['doc', 'fresh']);
    t.equal(seen.counted.omitted, 2);
  });

  busFailureContract(test);
  awarenessContract(test);

  void test('ten thousand documents become known in portions', async (t, _world, join) => {
    const [a, b] = [await join('a'), await join('b')];
    const ids = Array.from({ length: 10_000 }, (_, i) => `doc${i}`);
    b.bus.subscribe(ids);
    await b.seen.subscribed(...ids);
    t.same(new Set(b.seen.resyncs('subscribed')), new Set(ids));
    t.equal(b.seen.resyncRequests.length, ids.length);
    t.ok(Math.max(...b.seen.portions) < 1_000, 'not all at once');
    for (const id of ids) a.bus.publish(updateOf(id));
    // A connection that a busy machine lets down is made good by a report.
    const heardOf = () =>
      new Set([...b.seen.updates, ...b.seen.resyncRequests.slice(ids.length)].map(({ documentId }) => documentId));
    await until('update', () => heardOf().size === ids.length, 60_000);
    b.bus.unsubscribe(ids.slice(1));
    const former = b.seen.updates.length;
    b.bus.subscribe(['end']);
    await b.seen.subscribed('end');
    for (const id of ids) a.bus.publish(updateOf(id, 'unwanted'));
    await until('the end', () => {
      if (b.seen.valuesOf('end').length === 0) a.bus.publish(updateOf('end'));
      return b.seen.valuesOf('end').length > 0;
    });
    const unwanted = b.seen.updates
      .slice(former)
      .filter(({ documentId }) => documentId !== ids[0] && documentId !== 'end');
    t.same(unwanted, []);
  });

  const seed = newSeed();
  void test(`nodes converge whatever is lost (SEED=${seed})`, async (t, world) => {
    await converge(t, world, seed);
  });
}

/** Nodes that write at random while messages are lost and connections cut end with what the storage holds. */
async function converge(t: Tap, world: BusWorld, seed: number): Promise<void> {
  const random = randomFrom(seed);
  const storage = new SharedStorage();
  const ids = Array.from({ length: 20 }, (_, i) => `doc${i}`);
  const nodes = ['a', 'b', 'c'].map((name) => {
    const node = new BusNode(storage, () => random.below(1_000_000_000));
    const bus = world.open(new BusRecorder(node).options(name));
    t.teardown(() => bus.close());
    node.bus = bus;
    bus.subscribe(ids);
    return { node, bus };
  });
  world.lose((message) => message % 7 === 0);
  for (let step = 0; step < 60; step++) {
    for (let i = random.below(20); i > 0; i--)
      random.pick(nodes).node.write(random.pick(ids), `field${random.below(3)}`);
    const { bus } = random.pick(nodes);
    switch (random.below(8)) {
      case 0:
        world.cut(bus);
        break;
      case 1:
        for (const { bus } of nodes) world.mend(bus);
        break;
      case 2: {
        const some = ids.slice(random.below(ids.length));
        bus.unsubscribe(some);
        bus.subscribe(some);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, random.below(20)));
  }
  for (const { bus } of nodes) world.mend(bus);
  await until('all nodes are current', () => nodes.every(({ node }) => node.isCurrent(ids)));
  t.ok(storage.loads > 0);
}

async function joinWorld(t: Tap, world: BusWorld, node: string): Promise<Member> {
  const seen = new BusRecorder();
  const bus = world.open(seen.options(node));
  t.teardown(() => bus.close());
  await until('a connection', () => bus.connected);
  return { bus, seen };
}
