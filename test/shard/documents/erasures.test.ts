/** Erasure while something of the document is on its way: nothing of it comes back. */
import { setImmediate } from 'node:timers/promises';
import { test } from 'tap';
import { MemoryHub } from '../../../src/cluster/memory/bus.js';
import type { DocumentUpdate } from '../../../src/cluster/port.js';
import { withHead, type DocumentWrite } from '../../../src/messages/document-request.js';
import { recordKinds, type WriteRecord } from '../../../src/messages/task.js';
import { ControlledStorage } from '../../support/parts/controlled-storage.js';
import { TextReplica } from '../../support/clients/text-replica.js';
import { interest, NodeUnderTest } from '../../support/nodes/shard-nodes.js';
import { until } from '../../support/nodes/server.js';
import { brief, origin, ShardDriver, subscribe, toOne, write } from '../../support/parts/shard-driver.js';

const erase = { kind: 'erase', documentId: 'a' } as const;

/** A merge patch by HTTP, as the acceptor gives it on. @param timestamp When it came. */
function patch(fields: object, timestamp = Date.now()): WriteRecord {
  return httpWrite({ form: 'patch' }, fields, timestamp);
}

function httpWrite(head: DocumentWrite, body: object, timestamp = Date.now()): WriteRecord {
  return {
    ...{ kind: recordKinds.httpWrite, form: 'binary', receivedAt: 0, timestamp },
    origin: origin(9),
    payload: withHead(head, Buffer.from(JSON.stringify(body))),
  };
}

test('DEL2 a text that another node has stored before the erasure, and sends after it, does not come back', async (t) => {
  const storage = new ControlledStorage();
  const hub = new MemoryHub();
  const one = new NodeUnderTest('one', storage, hub);
  const two = new NodeUnderTest('two', storage, hub);
  await two.driver.run('a', [write(1, { documentId: 'a', field: 'x', value: 1 })]);
  const late: DocumentUpdate[] = [];
  const publish = two.bus!.publish.bind(two.bus);
  two.bus!.publish = (update) => late.push(update);
  const replica = new TextReplica('ann');
  replica.insert(0, 'a secret');
  const text = { type: 'text-state', state: replica.state(), clientId: 'ann', clock: 1 };
  await two.driver.run('a', [write(1, { documentId: 'a', deltas: [text] })]);
  t.equal(await one.driver.shard.endings.do(erase), true);
  await one.driver.run('a', [interest(), subscribe(7)]);
  const before = one.driver.sent.length;
  for (const update of late) publish(update);
  for (let i = 0; i < 20; i++) await setImmediate();
  const [answer] = toOne(await one.driver.run('a', [subscribe(7)]), 7);
  t.strictSame([answer?.message['state'], answer?.message['textState']], [{}, undefined]);
  t.notMatch(JSON.stringify(one.driver.sent.slice(before)), 'secret', 'nor was anybody sent it');
  t.ok(late.some(({ text: bytes }) => bytes !== undefined));
  for (const { driver } of [one, two]) await driver.shard.close();
});

test('DEL2 what was shown before the erasure goes with it, though it is stored later and dated ahead', async (t) => {
  const driver = new ShardDriver();
  await driver.run('a', [write(1, { documentId: 'a', field: 'x', value: 1 })]);
  driver.storage.hold();
  const ahead = Date.now() + 30_000;
  const task = driver.give({ a: [write(1, { id: 'w', documentId: 'a', field: 'y', value: 'secret' }, ahead)] });
  t.equal(await driver.shard.endings.do(erase), true);
  driver.storage.release();
  await until('its end', () => driver.settled.includes(task));
  t.strictSame(await driver.storage.stored('a'), []);
  t.strictSame(await driver.state('a'), {});
});

test('DEL1 a read that waits for its turn is not answered with what was deleted meanwhile', async (t) => {
  const driver = new ShardDriver();
  // Each answer takes a turn of its own.
  const large = 'x'.repeat(500_000);
  await driver.run('a', [write(1, { documentId: 'a', field: 'x', value: large })]);
  const reads = Array.from({ length: 10 }, (_, i) => subscribe(origin(20 + i, { encoding: 'json' })));
  const task = driver.give({ a: reads });
  const early = driver.sent.filter(({ message }) => message.type === 'sync_response').length;
  t.equal(await driver.shard.endings.do({ kind: 'delete', documentId: 'a' }), true);
  const answered = driver.sent.length;
  await until('all answers', () => driver.settled.includes(task));
  const after = toOne(driver.sent.slice(answered)).filter(({ session }) => session >= 20);
  t.ok(early > 0 && after.length > 0, 'some came before, some after');
  t.strictSame(
    after.filter(({ message }) => message.type !== 'error').map(({ message }) => message.type),
    [],
  );
});

test('DEL3 what is asked by HTTP of another node that has not heard of the erasure begins the document anew', async (t) => {
  const storage = new ControlledStorage();
  const hub = new MemoryHub();
  const one = new NodeUnderTest('one', storage, hub);
  const two = new NodeUnderTest('two', storage, hub);
  // Nobody is subscribed to it.
  await one.driver.run('d', [patch({ x: 'old' })]);
  await two.driver.run('d', [patch({ y: 'old' })]);
  await until(
    'a later millisecond',
    (
      (from) => () =>
        Date.now() > from
    )(Date.now()),
  );
  t.equal(await one.driver.shard.endings.do({ ...erase, documentId: 'd' }), true);
  const sent = await two.driver.run('d', [patch({ z: 'new' })]);
  t.strictSame(toOne(sent).map(brief), ['ack http']);
  t.strictSame(await storage.stored('d'), ['z="new"']);
  for (const { driver } of [one, two]) await driver.shard.close();
});

test('a patch is written whatever the clocks of other nodes say, and undoes nothing when it comes again', async (t) => {
  const storage = new ControlledStorage();
  const former = new ShardDriver({}, storage);
  // By a node whose clock is ahead by half a minute.
  const later = Date.now() + 30_000;
  const { inner } = storage;
  const row = { path: 'x', value: '1', deleted: false, timestamp: later, counter: later * 1_024, clientId: 'other' };
  await inner.commit([{ documentId: 'd', stamp: later * 1_024, fields: [{ ...row, stamp: later * 1_024 }] }]);
  await inner.commit([{ documentId: 'a', stamp: 1, fields: [] }]);
  await inner.lifecycle.erase({ documentId: 'a', at: later, stamp: later * 1_024 });
  await until(
    'a later millisecond',
    (
      (from) => () =>
        Date.now() > from
    )(Date.now()),
  );
  const again = [patch({ x: 2 }), patch({ y: 2 })] as const;
  await former.run('d', [again[0]]);
  await former.run('a', [again[1]]);
  t.strictSame([await storage.stored('d'), await storage.stored('a')], [['x=2'], ['y=2']]);
  await former.run('d', [patch({ x: 3 })]);
  await until(
    'a later millisecond',
    (
      (from) => () =>
        Date.now() > from
    )(Date.now()),
  );
  // Its worker dies, and what came before is given to the next one.
  const next = new ShardDriver({ isReplacement: true }, storage);
  await next.run('d', [again[0]]);
  t.strictSame(await storage.stored('d'), ['x=3']);
  await next.run('d', [patch({ x: 4 })]);
  t.strictSame(await storage.stored('d'), ['x=4']);
});

test('DEL2 a snapshot that was read before the erasure is not restored after it', async (t) => {
  const driver = new ShardDriver();
  await driver.run('a', [patch({ x: 'secret' })]);
  const snapshot = { id: 'a', fields: { x: 'secret' } };
  const restore = (erasedAt?: number) => driver.run('a', [httpWrite({ form: 'restore', erasedAt }, snapshot)]);
  t.strictSame(toOne(await restore()).map(brief), ['ack http']);
  t.equal(await driver.shard.endings.do(erase), true);
  t.strictSame(toOne(await restore()).map(brief), ['error SNAPSHOT_NOT_FOUND -']);
  t.strictSame(await driver.state('a'), {});
  const [{ erasedAt } = { erasedAt: 0 }] = await driver.storage.load(['a']);
  t.strictSame(toOne(await restore(erasedAt)).map(brief), ['ack http'], 'one that was made since is');
});
