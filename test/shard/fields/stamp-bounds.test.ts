/** Stamps near 2^53, from a storage that was damaged or a peer that is broken: documents stay usable. */
import { pino } from 'pino';
import { test } from 'tap';
import { MemoryHub } from '../../../src/cluster/memory/bus.js';
import { ShardMetrics } from '../../../src/metrics/shard-metrics.js';
import { ControlledStorage } from '../../support/parts/controlled-storage.js';
import { nextMillisecond } from '../../support/next-millisecond.js';
import { until } from '../../support/nodes/server.js';
import { brief, ShardDriver, stampOf, subscribe, toAll, toOne, write } from '../../support/parts/shard-driver.js';
import { interest, wanted } from '../../support/nodes/shard-nodes.js';

const LAST = Number.MAX_SAFE_INTEGER;
const row = { path: 'old', value: '1', deleted: false, timestamp: 5, counter: 1, clientId: 'c', stamp: LAST - 1 };

test('a document is stored with such stamps: it is read, written and unloaded as any other', async (t) => {
  const storage = new ControlledStorage();
  await storage.inner.commit([{ documentId: 'd', stamp: LAST, fields: [row] }]);
  const purge = { fields: [], horizon: { timestamp: 1, counter: 1, clientId: 'c', stamp: LAST } };
  await storage.inner.commit([{ documentId: 'd', stamp: LAST, fields: [], purge }]);
  const driver = new ShardDriver({ maxLoadedBytes: 1 }, storage);
  t.teardown(() => driver.shard.close());
  for (let value = 1; value <= 3; value++) {
    const sent = await driver.run('d', [write(1, { field: 'f', value, messageId: `m${value}` })], wanted);
    t.equal(toOne(sent).map(brief)[0], `ack m${value}`);
    t.ok(stampOf(toAll(sent)[0]!.message) < 2 ** 52, 'what clients are sent is an exact number, with room above');
  }
  t.same(await storage.stored('d'), ['f=3', 'old=1']);
  t.same(await driver.state('d'), { old: 1, f: 3 });
  const loads = storage.loads.flat().length;
  // After a load, L may be ahead of the clock by a second.
  await until('it is unloaded, so that it has to be loaded again', async () => {
    await driver.run('other', [subscribe(1)]);
    await nextMillisecond();
    await driver.run('d', [subscribe(1)]);
    return storage.loads.flat().slice(loads).includes('d');
  });
});

test('a peer commits with such stamps: its update is taken from the storage, and writes after it are stored', async (t) => {
  const storage = new ControlledStorage();
  const hub = new MemoryHub();
  const metrics = new ShardMetrics(undefined);
  const log = pino({ level: 'silent' });
  const driver = new ShardDriver(
    { metrics, openBus: (events) => hub.open({ nodeId: 'x', run: 'x', events, metrics: metrics.bus, log }) },
    storage,
  );
  const nobody = {
    onUpdate: () => undefined,
    onResyncNeeded: () => undefined,
    onStatus: () => undefined,
    onAwareness: () => undefined,
    onAwarenessActive: () => undefined,
  };
  const peer = hub.open({ nodeId: 'y', run: 'y', events: nobody, metrics: metrics.bus, log });
  t.teardown(() => Promise.all([driver.shard.close(), peer.close()]));
  await driver.run('d', [interest(), write(1, { field: 'f', value: 0 })], wanted);
  await until('a connection', () => peer.connected && driver.status?.busConnected === true);
  await storage.inner.commit([{ documentId: 'd', stamp: LAST, fields: [row] }]);
  const commit = { commit: 2, text: undefined, relays: [] };
  peer.publish({ documentId: 'd', stamp: LAST, fields: [row], ...commit });
  await until('what it wrote', () => toAll(driver.sent).map(brief).includes('old=1'));
  const sent = await driver.run('d', [write(1, { field: 'f', value: 1, messageId: 'm' })], wanted);
  t.same(toOne(sent).map(brief), ['ack m']);
  t.same(await storage.stored('d'), ['f=1', 'old=1']);

  const horizon = { timestamp: 1, counter: 1, clientId: 'c', stamp: LAST };
  peer.publish({ documentId: 'd', stamp: 1, fields: [], ...commit, commit: 4, horizon });
  peer.publish({
    documentId: 'd',
    stamp: 1,
    fields: [{ ...row, stamp: 2 ** 53 - 2, path: 'g' }],
    ...commit,
    commit: 5,
  });
  const next = await driver.run('d', [write(1, { field: 'f', value: 2, messageId: 'n' })], wanted);
  t.same(toOne(next).map(brief), ['ack n']);
  t.ok(stampOf(toAll(next)[0]!.message) < 2 ** 52);
});
