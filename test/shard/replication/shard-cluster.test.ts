/**
 * Shards of several nodes that share a storage and a bus, in this thread: what their subscribers are sent converges,
 * whatever the bus loses. `SEEDS=500` plays more sessions, `SEED=…` repeats one.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { test } from 'tap';
import { MemoryHub } from '../../../src/cluster/memory/bus.js';
import type { Bus, BusEvents } from '../../../src/cluster/port.js';
import { ShardMetrics } from '../../../src/metrics/shard-metrics.js';
import type { ShardOptions } from '../../../src/shard/shard.js';
import { recordKinds, variants, type TaskRecord } from '../../../src/messages/task.js';
import type { Incoming } from '../../support/client.js';
import { ControlledStorage } from '../../support/controlled-storage.js';
import { Random, seedsToPlay } from '../../support/random.js';
import { until } from '../../support/server.js';
import { brief, origin, ShardDriver, stateVector, subscribe, toAll, write } from '../../support/shard-driver.js';
import { TextReplica } from '../../support/text-replica.js';

const documents = ['a', 'b', 'c'];
/** Number of the session that subscribes on each node. */
const READER = 5;
const wanted = variants.binaryDelta | variants.binaryAny;

/** @param isOld Whether the subscribers were there before the worker. */
function interest(isOld = false): TaskRecord {
  return { kind: recordKinds.interest, isOld };
}

/** What the subscribers of a node hold of a document, taking the server's word as SDKs do. */
class Subscriber {
  readonly fields = new Map<string, { value: unknown; clock: number }>();
  readonly text: TextReplica;

  constructor(name: string) {
    this.text = new TextReplica(`reader-${name}`);
  }

  take(message: Incoming): void {
    if (message.type === 'sync_response') {
      for (const [field, value] of Object.entries(message['state'] as object)) {
        this.take({ ...message, type: 'delta', field, value });
      }
      if (typeof message['textState'] === 'string') this.text.merge(message['textState']);
      return;
    }
    for (const entry of message.type === 'delta_batch' ? (message['deltas'] as Incoming[]) : [message]) {
      if ((entry.type as string) === 'text-state')
        this.text.receive(entry as unknown as { state: string; clientId: string });
      if (entry['field'] === undefined) continue;
      const clock = Math.max(...Object.values(entry['clock'] as Record<string, number>));
      const held = this.fields.get(entry['field'] as string);
      if (held === undefined || clock > held.clock)
        this.fields.set(entry['field'] as string, { value: entry['value'], clock });
    }
  }

  get state(): string {
    const live = [...this.fields].filter(([, { value }]) => JSON.stringify(value) !== '{"__deleted":true}');
    return JSON.stringify(live.map(([field, { value }]) => [field, value]).sort());
  }
}

class NodeUnderTest {
  readonly driver: ShardDriver;
  readonly subscribers: ReadonlyMap<string, Subscriber>;
  readonly writers: ReadonlyMap<string, TextReplica>;
  bus: Bus | undefined;
  #taken = 0;

  constructor(
    readonly name: string,
    storage: ControlledStorage,
    hub: MemoryHub,
    compareMs = 3_600_000,
  ) {
    this.subscribers = new Map(documents.map((id) => [id, new Subscriber(`${name}-${id}`)]));
    this.writers = new Map(documents.map((id) => [id, new TextReplica(`${name}-${id}`)]));
    const metrics = new ShardMetrics(undefined);
    const log = pino({ level: 'silent' });
    this.driver = new ShardDriver(
      {
        nodeId: name,
        metrics,
        compareMs,
        openBus: (events) =>
          (this.bus = hub.open({ nodeId: name, run: name, events, metrics: metrics.bus, log, tailMs: 20 })),
      },
      storage,
    );
    for (const id of documents) this.driver.give({ [id]: [interest(), subscribe(READER)] }, wanted);
  }

  /** Gives the subscribers what was published since. */
  deliver(): void {
    for (const sent of this.driver.sent.slice(this.#taken)) {
      const isForReader = sent.to === 'all' || sent.session === READER;
      if (isForReader) this.subscribers.get(sent.message['documentId'] as string)?.take(sent.message);
    }
    this.#taken = this.driver.sent.length;
  }
}

async function stored(storage: ControlledStorage, id: string): Promise<{ state: string; text: string }> {
  const [answer] = await new ShardDriver({}, storage).run(id, [subscribe(1, {})]);
  const fields = Object.entries(answer!.message['state'] as object).sort();
  const replica = new TextReplica('late');
  if (typeof answer!.message['textState'] === 'string') replica.merge(answer!.message['textState']);
  return { state: JSON.stringify(fields.sort()), text: replica.text() };
}

async function play(seed: number): Promise<string[]> {
  const random = new Random(seed);
  const storage = new ControlledStorage();
  const hub = new MemoryHub();
  const nodes = ['x', 'y', 'z'].map((name) => new NodeUnderTest(name, storage, hub));
  hub.loses = () => random.once(5);
  for (let step = 0; step < 60; step++) {
    const node = random.pick(nodes);
    const id = random.pick(documents);
    const action = random.below(100);
    if (action < 50) {
      const value = random.once(5) ? { __deleted: true } : `${node.name}${step}`;
      const timestamp = 1_000_000 + random.below(1_000);
      const from = {
        field: `f${random.below(4)}`,
        clientId: `client-${node.name}`,
        clock: { [`client-${node.name}`]: step + 1 },
      };
      node.driver.give({ [id]: [write(7, { ...from, value }, timestamp)] }, wanted);
    } else if (action < 75) {
      const writer = node.writers.get(id)!;
      if (writer.length > 4 && random.once(3)) writer.delete(random.below(writer.length - 3), random.between(1, 3));
      else writer.insert(random.between(0, writer.length), random.pick(['x', 'word ', 'é', '日本']));
      const operation = { type: 'text-state', state: writer.state(), clientId: writer.clientId, clock: 1 };
      node.driver.give({ [id]: [write(origin(8, { supportsBatch: true }), { deltas: [operation] })] }, wanted);
    } else if (action < 80) {
      hub.disconnect(node.bus);
      await sleep(random.below(3));
      hub.connect(node.bus);
    } else {
      await sleep(random.below(3));
      node.deliver();
    }
  }
  hub.loses = () => false;
  const problems: string[] = [];
  try {
    await until(
      'all to agree',
      async () => {
        for (const node of nodes) {
          await node.driver.shard.idle();
          node.deliver();
        }
        for (const id of documents) {
          const { state, text } = await stored(storage, id);
          for (const { subscribers } of nodes) {
            const subscriber = subscribers.get(id)!;
            if (subscriber.state !== state || subscriber.text.text() !== text) return false;
          }
        }
        return true;
      },
      5_000,
    );
  } catch {
    for (const id of documents) {
      const { state, text } = await stored(storage, id);
      for (const { name, subscribers } of nodes) {
        const subscriber = subscribers.get(id)!;
        if (subscriber.state !== state) problems.push(`${id} on ${name}: ${subscriber.state} instead of ${state}`);
        if (subscriber.text.text() !== text)
          problems.push(`${id} on ${name}: ${subscriber.text.text()} instead of ${text}`);
      }
    }
  }
  await Promise.all(nodes.map(({ driver }) => driver.shard.close()));
  return problems;
}

const seeds = seedsToPlay([3], 30);

test(`contract 7: the subscribers of three nodes converge although the bus loses messages, ${seeds.length} sessions`, async (t) => {
  for (const seed of seeds) {
    const problems = await play(seed);
    if (problems.length > 0) t.strictSame(problems, [], `SEED=${seed}`);
  }
  t.pass();
});

test('contract 7: what nobody was told of is found by comparing with the storage', async (t) => {
  const storage = new ControlledStorage();
  const hub = new MemoryHub();
  hub.loses = () => true;
  const [first, second] = [new NodeUnderTest('x', storage, hub, 20), new NodeUnderTest('y', storage, hub, 20)];
  t.teardown(() => Promise.all([first, second].map(({ driver }) => driver.shard.close())));
  const converged = async (value: number): Promise<void> => {
    await until(`the other node to have ${value}`, () => {
      second.deliver();
      return second.subscribers.get('a')!.state === JSON.stringify([['f', value]]);
    });
  };
  await sleep(20);
  for (let value = 1; value <= 3; value++) {
    first.driver.give({ a: [write(7, { field: 'f', clientId: 'c', clock: { c: value }, value })] }, wanted);
    await converged(value);
  }
  const loads = (): number => storage.loads.flat().length;
  await sleep(1_200);
  const before = loads();
  await sleep(200);
  t.equal(loads(), before, 'nothing is loaded while nothing is missing');

  hub.loses = () => false;
  for (let value = 4; value <= 50; value++) {
    first.driver.give({ a: [write(7, { field: 'f', clientId: 'c', clock: { c: value }, value })] }, wanted);
    second.driver.give({ a: [write(8, { field: 'g', clientId: 'd', clock: { d: value }, value })] }, wanted);
    await sleep(2);
  }
  await sleep(1_200);
  t.ok(loads() - before <= 1, 'nor while the news comes');
});

for (const isLoaded of [false, true]) {
  const when = isLoaded ? 'after' : 'before';
  test(`a new worker tells subscribers what came while there was none, also if they are known ${when} the document`, async (t) => {
    const storage = new ControlledStorage();
    const others = new ShardDriver({}, storage);
    await others.run('d', [write(1, { field: 'f', value: 1 })]);
    const hub = new MemoryHub();
    const metrics = new ShardMetrics(undefined);
    const log = pino({ level: 'silent' });
    const openBus: ShardOptions['openBus'] = (events) =>
      hub.open({ nodeId: 'x', run: 'x', events, metrics: metrics.bus, log });
    const driver = new ShardDriver({ openBus }, storage);
    t.teardown(() => driver.shard.close());
    // What the former worker left comes first.
    if (isLoaded) await driver.run('d', [write(2, { field: 'g', value: 2 })], wanted);
    driver.give({ d: [interest(true)] }, wanted);
    await until('they are told', () => toAll(driver.sent).map(brief).includes('f=1'));
    t.pass();
  });
}

test('a document with subscribers stays in memory, and leaves when they are gone', async (t) => {
  const storage = new ControlledStorage();
  const hub = new MemoryHub();
  const metrics = new ShardMetrics(undefined);
  const log = pino({ level: 'silent' });
  const driver = new ShardDriver(
    {
      maxLoadedBytes: 1,
      metrics,
      openBus: (events) => hub.open({ nodeId: 'x', run: 'x', events, metrics: metrics.bus, log }),
    },
    storage,
  );
  t.teardown(() => driver.shard.close());
  await driver.run('d', [interest(), write(1, { field: 'f', value: 1 })], wanted);
  await sleep(5);
  await driver.run('other', [subscribe(1)]);
  t.ok((driver.status?.documents ?? 0) >= 1);
  const loads = storage.loads.flat().filter((id) => id === 'd').length;
  await driver.run('d', [subscribe(1)]);
  t.equal(storage.loads.flat().filter((id) => id === 'd').length, loads, 'it was not loaded again');
  await driver.run('d', [interest()], 0);
  await sleep(5);
  await driver.run('other', [subscribe(1)]);
  await driver.run('d', [subscribe(1)]);
  t.equal(storage.loads.flat().filter((id) => id === 'd').length, loads + 1);
});

/**
 * A writer moved from one node to another, whose subscribers heard of his second write before the first: that one's
 * message was lost. A client that left in between came back with the second as the last it had seen of him, and was
 * never told of the first.
 */
test('SUB2: in a cluster, a vector does not stand for what is not much older than its entry', async (t) => {
  const storage = new ControlledStorage();
  const stampAgo = (ms: number): number => (Date.now() - ms) * 1024;
  const ages = { old: 3_600_000, first: 2_000, second: 0 };
  const fields = Object.entries(ages).map(([path, ms], i) => {
    const about = { path, value: '1', deleted: false, timestamp: Date.now() - ms, counter: i + 1, clientId: 'w' };
    return { ...about, stamp: stampAgo(ms) };
  });
  const seen = Math.max(...fields.map(({ stamp }) => stamp));
  await storage.commit([{ documentId: 'd', stamp: seen, fields }]);
  const metrics = new ShardMetrics(undefined);
  const log = pino({ level: 'silent' });
  const openBus = (events: BusEvents): Bus =>
    new MemoryHub().open({ nodeId: 'x', run: 'x1', events, metrics: metrics.bus, log });
  for (const [options, expected] of [
    [{ openBus }, ['first', 'second']],
    [{}, []],
  ] as const) {
    const driver = new ShardDriver(options, storage);
    t.teardown(() => driver.shard.close());
    const [response] = await driver.run('d', [subscribe(1, { vector: [['w', seen]] })]);
    const [step2] = await driver.run('d', [stateVector(1, [['w', seen]])]);
    for (const entries of [response!.message['deltas'], step2!.message['operations']]) {
      const names = (entries as Incoming[]).map(({ field }) => field as string);
      t.strictSame(names.sort(), expected, `expected are ${expected.join(' and ') || 'none'}`);
    }
  }
});
