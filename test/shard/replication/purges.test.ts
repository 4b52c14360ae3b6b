/**
 * Nodes that purge tombstones while others write: shards that share a storage and a bus that loses messages, in this
 * thread. `SEEDS=500` plays more sessions, `SEED=…` repeats one.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { test } from 'tap';
import { MemoryHub } from '../../../src/cluster/memory/bus.js';
import { recordKinds, variants } from '../../../src/messages/task.js';
import { ShardMetrics } from '../../../src/metrics/shard-metrics.js';
import type { Incoming } from '../../support/clients/client.js';
import { ControlledStorage } from '../../support/parts/controlled-storage.js';
import { Random, seedsToPlay } from '../../support/random.js';
import { until } from '../../support/nodes/server.js';
import { brief, ShardDriver, subscribe, toAll, toOne, write } from '../../support/parts/shard-driver.js';

const READER = 5;
const wanted = variants.binaryDelta | variants.binaryAny;
const log = pino({ level: 'silent' });

/** One node, and what a subscriber of it holds, who compares stamps as the SDKs do. */
class PurgingNode {
  readonly driver: ShardDriver;
  readonly #fields = new Map<string, { value: unknown; clock: number }>();
  #taken = 0;

  constructor(
    readonly name: string,
    storage: ControlledStorage,
    hub: MemoryHub,
    maxCount = 3,
  ) {
    const metrics = new ShardMetrics(undefined);
    this.driver = new ShardDriver(
      {
        nodeId: name,
        metrics,
        compareMs: 50,
        tombstones: { maxCount, maxBytes: 1_000_000, maxAgeMs: 86_400_000 },
        openBus: (events) => hub.open({ nodeId: name, run: name, events, metrics: metrics.bus, log, tailMs: 20 }),
      },
      storage,
    );
    this.driver.give({ d: [{ kind: recordKinds.interest, isOld: false }, subscribe(READER)] }, wanted);
  }

  get state(): string {
    for (const sent of this.driver.sent.slice(this.#taken)) {
      if (sent.to === 'all' || sent.session === READER) this.#take(sent.message);
    }
    this.#taken = this.driver.sent.length;
    const live = [...this.#fields].filter(([, { value }]) => JSON.stringify(value) !== '{"__deleted":true}');
    return JSON.stringify(live.map(([field, { value }]) => [field, value]).sort());
  }

  #take(message: Incoming): void {
    const clock = Math.max(...Object.values((message['clock'] ?? {}) as Record<string, number>));
    if (message.type === 'sync_response') {
      for (const [field, value] of Object.entries(message['state'] as object)) this.#set(field, value, clock);
    }
    if (message.type === 'delta') this.#set(message['field'] as string, message['value'], clock);
  }

  #set(field: string, value: unknown, clock: number): void {
    const held = this.#fields.get(field);
    if (held === undefined || clock > held.clock) this.#fields.set(field, { value, clock });
  }
}

async function liveIn(storage: ControlledStorage): Promise<string> {
  const [document] = await storage.load(['d']);
  const live = document!.fields.filter(({ deleted }) => !deleted);
  return JSON.stringify(live.map(({ path, value }) => [path, JSON.parse(value) as unknown]).sort());
}

async function agree(nodes: readonly PurgingNode[], storage: ControlledStorage): Promise<boolean> {
  for (const { driver } of nodes) await driver.shard.idle();
  const expected = await liveIn(storage);
  for (const node of nodes) {
    const read = JSON.stringify(Object.entries(await node.driver.state('d')).sort());
    if (node.state !== expected || read !== expected) return false;
  }
  return true;
}

async function play(seed: number): Promise<string | undefined> {
  const random = new Random(seed);
  const storage = new ControlledStorage();
  const hub = new MemoryHub();
  const nodes = ['x', 'y', 'z'].map((name) => new PurgingNode(name, storage, hub));
  hub.loses = () => random.once(6);
  for (let step = 0; step < 120; step++) {
    const { driver, name } = random.pick(nodes);
    if (random.once(4)) await sleep(random.below(3));
    const value = random.once(2) ? { __deleted: true } : `${name}${step}`;
    const from = { field: `f${random.below(8)}`, clientId: name, clock: { [name]: step + 1 } };
    // Some come late, from devices that were offline.
    driver.give({ d: [write(7, { ...from, value }, 1_000_000 + 10 * step - random.below(400))] }, wanted);
  }
  hub.loses = () => false;
  try {
    await until('all to agree', () => agree(nodes, storage), 10_000);
    const [document] = await storage.load(['d']);
    return document!.horizon === undefined ? 'nothing was purged' : undefined;
  } catch {
    const states = nodes.map(({ name, state }) => `${name}: ${state}`);
    return `SEED=${seed}: stored ${await liveIn(storage)}\n${states.join('\n')}`;
  } finally {
    await Promise.all(nodes.map(({ driver }) => driver.shard.close()));
  }
}

const seeds = seedsToPlay([1, 2, 3], 15);

test(`TMB2 nodes that purge and write converge, although the bus loses messages: ${seeds.length} sessions`, async (t) => {
  for (const seed of seeds) {
    const problem = await play(seed);
    if (problem !== undefined) t.equal(problem, undefined);
  }
  t.pass();
});

test('TMB2 a node that missed the removal and the purge drops what is gone', async (t) => {
  const storage = new ControlledStorage();
  const hub = new MemoryHub();
  const [x, y] = [new PurgingNode('x', storage, hub), new PurgingNode('y', storage, hub)];
  t.teardown(() => Promise.all([x, y].map(({ driver }) => driver.shard.close())));
  await x.driver.run('d', [write(7, { delta: { a: 1, b: 2, c: 3, d: 4, e: 5, kept: 6 } }, 1_000)], wanted);
  await until('y to have them', () => y.state.includes('kept'));
  hub.loses = () => true;
  for (const field of ['a', 'b', 'c', 'd', 'e']) {
    await x.driver.run('d', [write(7, { field, value: { __deleted: true } }, 2_000)], wanted);
  }
  await x.driver.shard.idle();
  t.ok((await storage.load(['d']))[0]!.horizon !== undefined, 'they are purged');
  hub.loses = () => false;
  await until('y to drop them', () => y.state === '[["kept",6]]');
  t.strictSame(await y.driver.state('d'), { kept: 6 });
  const sent = await y.driver.run('d', [write(8, { field: 'a', value: 'old', messageId: 'm' }, 1_500)], wanted);
  t.strictSame(toAll(sent), [], 'and knows the horizon');
  t.ok(toOne(sent, 8).some((entry) => brief(entry) === 'a={"__deleted":true}'));
});

test('TMB2 a node learns of the horizon from the update', async (t) => {
  const storage = new ControlledStorage();
  const hub = new MemoryHub();
  const [x, y] = [new PurgingNode('x', storage, hub), new PurgingNode('y', storage, hub, 1_000)];
  t.teardown(() => Promise.all([x, y].map(({ driver }) => driver.shard.close())));
  await until('both to be subscribed', () => [x, y].every(({ driver }) => toOne(driver.sent, READER).length > 0));
  await y.driver.run('d', [write(7, { field: 'kept', value: 1 }, 1_000)], wanted);
  for (let i = 0; i < 20; i++) {
    await x.driver.run('d', [write(7, { field: `f${i}`, value: i }, 2_000 + i)], wanted);
    await x.driver.run('d', [write(7, { field: `f${i}`, value: { __deleted: true } }, 3_000 + i)], wanted);
  }
  const lost = async (): Promise<boolean> => {
    const sent = await y.driver.run('d', [write(8, { field: 'f0', value: 'old' }, 1_500)], wanted);
    return toAll(sent).length === 0;
  };
  await until('y to know', lost);
  await until('both to agree', () => agree([x, y], storage));
});

test('TMB2 an update that comes late does not bring back what was purged', async (t) => {
  const storage = new ControlledStorage();
  const hub = new MemoryHub();
  const node = new PurgingNode('x', storage, hub);
  const metrics = new ShardMetrics(undefined).bus;
  const events = {
    ...{ onUpdate: () => undefined, onResyncNeeded: () => undefined, onStatus: () => undefined },
    ...{ onAwareness: () => undefined, onAwarenessActive: () => undefined },
  };
  const other = hub.open({ nodeId: 'late', run: 'late', events, metrics, log, tailMs: 20 });
  t.teardown(() => Promise.all([node.driver.shard.close(), other.close()]));
  for (let i = 0; i < 6; i++) {
    await node.driver.run('d', [write(7, { field: `f${i}`, value: { __deleted: true } }, 2_000 + i)], wanted);
  }
  await node.driver.shard.idle();
  const loads = node.driver.storage.loads.length;
  const late = { path: 'f0', value: '"late"', deleted: false, timestamp: 1_000, counter: 1, clientId: 'z', stamp: 1 };
  other.publish({ documentId: 'd', stamp: 5, fields: [late], text: undefined, relays: [], commit: 1 });
  await until('the node to ask the storage', () => node.driver.storage.loads.length > loads);
  t.strictSame(await node.driver.state('d'), {});
  t.equal(node.state, '[]', 'nobody saw it');
});

test('TMB2 what was read before a purge brings nothing back', async (t) => {
  const storage = new ControlledStorage();
  const hub = new MemoryHub();
  const nodes = [new PurgingNode('x', storage, hub), new PurgingNode('y', storage, hub)] as const;
  t.teardown(() => Promise.all(nodes.map(({ driver }) => driver.shard.close())));
  const [x, y] = nodes;
  const set = (node: PurgingNode, field: string, value: unknown, time: number): void => {
    node.driver.give(
      { d: [write(7, { field, value, clientId: node.name, clock: { [node.name]: time } }, time)] },
      wanted,
    );
  };
  const fields = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
  fields.forEach((field, i) => set(x, field, 1, 1_000 + i));
  await until('all to agree', () => agree(nodes, storage));
  hub.loses = () => true;
  set(y, 'unheard', 1, 1_100);
  await y.driver.shard.idle();
  hub.loses = () => false;

  const before = storage.loads.length;
  const release = storage.holdAnswers();
  await until('the node to load what it has not heard of', () => storage.loads.length > before);
  fields.forEach((field, i) => set(x, field, { __deleted: true }, 1_200 + i));
  await x.driver.shard.idle();
  const [stored] = await storage.inner.load(['d']);
  t.ok(stored?.horizon, 'it was purged meanwhile');
  const sentBefore = x.driver.sent.length;
  release();
  await until('all to agree again', () => agree(nodes, storage));
  t.equal(x.state, '[["unheard",1]]');
  const shown = x.driver.sent.slice(sentBefore).filter(({ message }) => fields.includes(String(message['field'])));
  t.strictSame(
    shown.filter(({ message }) => message['value'] === 1),
    [],
  );
});
