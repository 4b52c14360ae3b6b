/** Documents that are deleted or erased while something of them is under way. */
import { setImmediate } from 'node:timers/promises';
import { test } from 'tap';
import { MemoryHub } from '../../../src/cluster/memory/bus.js';
import { ControlledStorage } from '../../support/parts/controlled-storage.js';
import { until } from '../../support/nodes/server.js';
import { ShardDriver, subscribe, toOne, write, type Sent } from '../../support/parts/shard-driver.js';
import { interest, NodeUnderTest } from '../../support/nodes/shard-nodes.js';

const codes = (sent: readonly Sent[]) =>
  toOne(sent)
    .filter(({ message }) => message.type === 'error')
    .map(({ message }) => (message['details'] as { code: string }).code);

test('DEL1 what was written before the deletion is acked, and kept with the document', async (t) => {
  const driver = new ShardDriver();
  await driver.run('d', [write(1, { id: 'w1', documentId: 'd', field: 'a', value: 1 })]);
  driver.storage.hold();
  const task = driver.give({ d: [write(1, { id: 'w2', documentId: 'd', field: 'b', value: 2 })] });
  t.equal(await driver.shard.endings.do({ kind: 'delete', documentId: 'd' }), true);
  t.strictSame(driver.ended, ['d']);
  t.strictSame(codes(await driver.run('d', [write(1, { id: 'w3', documentId: 'd', field: 'c', value: 3 })])), [
    'DOCUMENT_DELETED',
  ]);
  driver.storage.release();
  await until('the ack', () => driver.settled.includes(task));
  t.ok(driver.sent.some(({ message }) => message.type === 'ack' && message['messageId'] === 'w2'));
  t.strictSame(codes(await driver.run('d', [subscribe(1)])), ['DOCUMENT_DELETED'], 'from the storage now');
  t.equal(await driver.shard.endings.do({ kind: 'restore', documentId: 'd' }), true);
  t.strictSame(await driver.state('d'), { a: 1, b: 2 });
});

test('DEL1 a load that crosses the deletion does not bring the document back', async (t) => {
  const storage = new ControlledStorage();
  const first = new ShardDriver({}, storage);
  await first.run('d', [write(1, { documentId: 'd', field: 'a', value: 1 })]);
  const driver = new ShardDriver({}, storage);
  const load = storage.load.bind(storage);
  let answer = (): void => undefined;
  // What was read before the deletion arrives after it.
  storage.load = async (ids) => {
    const loaded = await load(ids);
    storage.load = load;
    await new Promise<void>((resolve) => (answer = resolve));
    return loaded;
  };
  const task = driver.give({ d: [subscribe(1)] });
  await setImmediate();
  await driver.shard.endings.do({ kind: 'delete', documentId: 'd' });
  answer();
  await until('the answer', () => driver.settled.includes(task));
  t.strictSame(codes(driver.sent), ['DOCUMENT_DELETED']);
});

test('DEL2 of an erased document nothing is left in memory, and new writes begin it anew', async (t) => {
  const driver = new ShardDriver();
  const old = Date.now();
  await driver.run('d', [write(1, { documentId: 'd', field: 'a', value: 'old' })]);
  await until('a later millisecond', () => Date.now() > old + 1);
  t.equal(await driver.shard.endings.do({ kind: 'erase', documentId: 'd' }), true);
  t.strictSame(driver.ended, ['d']);
  const late = write(1, { id: 'late', documentId: 'd', field: 'a', value: 'old', timestamp: old, clientId: 'c' }, old);
  await driver.run('d', [late]);
  t.strictSame(await driver.state('d'), {});
  await until('a later millisecond', () => Date.now() > old + 4);
  await driver.run('d', [write(1, { documentId: 'd', field: 'b', value: 'new' })]);
  t.strictSame(await driver.state('d'), { b: 'new' });
  t.strictSame(await driver.storage.stored('d'), ['b="new"']);
});

test('nothing is ended when the storage fails', async (t) => {
  const driver = new ShardDriver();
  await driver.run('d', [write(1, { documentId: 'd', field: 'a', value: 1 })]);
  driver.storage.inner.lifecycle.delete = () => Promise.reject(new Error('the disk is full'));
  await t.rejects(driver.shard.endings.do({ kind: 'delete', documentId: 'd' }));
  t.equal(await driver.shard.endings.do({ kind: 'delete', documentId: 'none' }).catch(() => 'failed'), 'failed');
  t.strictSame(driver.ended, []);
  t.strictSame(await driver.state('d'), { a: 1 });
});

for (const lost of [false, true]) {
  test(`DEL3 another node ends it too, ${lost ? 'when the message is lost' : 'by the message'}`, async (t) => {
    const storage = new ControlledStorage();
    const hub = new MemoryHub();
    const one = new NodeUnderTest('one', storage, hub, 50);
    const two = new NodeUnderTest('two', storage, hub, lost ? 50 : 3_600_000);
    await one.driver.run('a', [write(1, { documentId: 'a', field: 'x', value: 1 })]);
    await until('the other node to have it', async () => JSON.stringify(await two.driver.state('a')) === '{"x":1}');
    if (lost) one.bus!.publish = () => undefined;
    await one.driver.shard.endings.do({ kind: 'delete', documentId: 'a' });
    await until('the other node to end it', () => two.driver.ended.includes('a'));
    t.strictSame(codes(await two.driver.run('a', [write(1, { documentId: 'a', field: 'x', value: 2 })])), [
      'DOCUMENT_DELETED',
    ]);

    // Erased, and begun anew before the other node hears of it.
    await one.driver.shard.endings.do({ kind: 'restore', documentId: 'a' });
    two.driver.give({ a: [interest()] });
    await until('it to be loaded', async () => JSON.stringify(await two.driver.state('a')) === '{"x":1}');
    const before = two.driver.ended.length;
    await new Promise((resolve) => setTimeout(resolve, 3));
    await one.driver.shard.endings.do({ kind: 'erase', documentId: 'a' });
    await until('the other node to end it', () => two.driver.ended.length > before);
    t.strictSame(await two.driver.state('a'), {});
    await one.driver.shard.close();
    await two.driver.shard.close();
  });
}

test('whoever was subscribed before a worker died is told what it was not', async (t) => {
  const storage = new ControlledStorage();
  const former = new ShardDriver({}, storage);
  await former.run('d', [write(1, { documentId: 'd', field: 'a', value: 1 })]);
  await storage.inner.lifecycle.delete('d', 1);
  const driver = new ShardDriver({ isReplacement: true }, storage);
  driver.give({ d: [interest(true)] });
  await until('them to be told', () => driver.ended.length > 0);
  t.strictSame(driver.ended, ['d']);
});
