/** Shards of a cluster, in this thread: what they find out by themselves, and what they keep in memory. */
import { pino } from 'pino';
import { test } from 'tap';
import { MemoryHub } from '../../../src/cluster/memory/bus.js';
import { ShardMetrics } from '../../../src/metrics/shard-metrics.js';
import type { ShardOptions } from '../../../src/shard/shard.js';
import { ControlledStorage } from '../../support/parts/controlled-storage.js';
import { nextMillisecond } from '../../support/next-millisecond.js';
import { until } from '../../support/nodes/server.js';
import { brief, ShardDriver, subscribe, toAll, write } from '../../support/parts/shard-driver.js';
import { documents, interest, NodeUnderTest, wanted } from '../../support/nodes/shard-nodes.js';

const COMPARE_MS = 20;
/** Both nodes compare this often until whatever lacked a commit before is judged, which takes about a second. */
const JUDGED = (2 * 1_200) / COMPARE_MS;

test('contract 7: what nobody was told of is found by comparing with the storage', async (t) => {
  const storage = new ControlledStorage();
  const hub = new MemoryHub();
  hub.loses = () => true;
  const [first, second] = ['x', 'y'].map((name) => new NodeUnderTest(name, storage, hub, COMPARE_MS)) as [
    NodeUnderTest,
    NodeUnderTest,
  ];
  t.teardown(() => Promise.all([first, second].map(({ driver }) => driver.shard.close())));
  const converged = async (value: number): Promise<void> => {
    await until(`the other node to have ${value}`, () => {
      second.deliver();
      return second.subscribers.get('a')!.state === JSON.stringify([['f', value]]);
    });
  };
  await until('subscribers', () => [first, second].every(({ driver }) => driver.settled.length === documents.length));
  for (let value = 1; value <= 3; value++) {
    first.driver.give({ a: [write(7, { field: 'f', clientId: 'c', clock: { c: value }, value })] }, wanted);
    await converged(value);
  }
  const loads = (): number => storage.loads.flat().length;
  const compared = async (times: number): Promise<void> => {
    const target = storage.comparisons + times;
    await until('comparisons', () => storage.comparisons >= target);
  };
  await compared(JUDGED);
  const before = loads();
  await compared(20);
  t.equal(loads(), before, 'nothing is loaded while nothing is missing');

  hub.loses = () => false;
  for (let value = 4; value <= 50; value++) {
    first.driver.give({ a: [write(7, { field: 'f', clientId: 'c', clock: { c: value }, value })] }, wanted);
    second.driver.give({ a: [write(8, { field: 'g', clientId: 'd', clock: { d: value }, value })] }, wanted);
    await compared(1);
  }
  await compared(JUDGED);
  t.ok(loads() - before <= 1, 'nor while updates come');
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
  await nextMillisecond();
  await driver.run('other', [subscribe(1)]);
  t.ok((driver.status?.documents ?? 0) >= 1);
  const loads = storage.loads.flat().filter((id) => id === 'd').length;
  await driver.run('d', [subscribe(1)]);
  t.equal(storage.loads.flat().filter((id) => id === 'd').length, loads, 'it was not loaded again');
  await driver.run('d', [interest()], 0);
  await nextMillisecond();
  await driver.run('other', [subscribe(1)]);
  await driver.run('d', [subscribe(1)]);
  t.equal(storage.loads.flat().filter((id) => id === 'd').length, loads + 1);
});
