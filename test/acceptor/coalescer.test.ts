import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'tap';
import { recordSize } from '../../src/messages/task.js';
import { holdsAsync } from '../support/property.js';
import { coalescerFixture as fixture, recordOf } from '../support/recording-shards.js';
import { until } from '../support/server.js';

/** Resolves after everything that waits for the next turns of the event loop. */
async function turn(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

test('FAN3 a write to an idle document is sent at once, the next ones wait for the window', async (t) => {
  const { coalescer, shards, write } = fixture();
  write('a', '1');
  t.strictSame(shards.tasks, [], 'first all that comes in the same turn');
  write('a', '2');
  await turn();
  t.strictSame(shards.tasks, [['a:1,2']]);
  write('a', '3');
  write('b', '1');
  await turn();
  t.strictSame(shards.tasks.slice(1), [['b:1']], 'the window of one document is not another’s');
  coalescer.stop();
});

test('FAN3 waiting writes are sent together at the end of the window', async (t) => {
  const { coalescer, shards, write } = fixture({ batchDelayMs: 30 });
  write('a', '1');
  await until('the first task', () => shards.tasks.length === 1);
  write('a', '2');
  write('a', '3');
  await until('the second task', () => shards.tasks.length === 2);
  t.strictSame(shards.tasks, [['a:1'], ['a:2,3']]);
  coalescer.stop();
});

test('FAN3 a document whose window has ended is idle again', async (t) => {
  const { coalescer, shards, write } = fixture({ batchDelayMs: 1 });
  for (let i = 1; i <= 5; i++) {
    write('a', String(i));
    await until(`task ${i}`, () => shards.tasks.length === i);
  }
  t.strictSame(shards.tasks, [['a:1'], ['a:2'], ['a:3'], ['a:4'], ['a:5']]);
  coalescer.stop();
});

test('FAN3 a full batch does not wait for the end of the window', async (t) => {
  const { coalescer, shards, write } = fixture({ batchSize: 3 });
  write('a', '1');
  await turn();
  write('a', '2');
  write('a', '3');
  await turn();
  t.equal(shards.tasks.length, 1);
  write('a', '4');
  await turn();
  t.strictSame(shards.tasks, [['a:1'], ['a:2,3,4']]);
  coalescer.stop();
});

test('without a window, the writes of each turn of the event loop are sent at its end', async (t) => {
  const { coalescer, shards, write } = fixture({ batchDelayMs: 0 });
  for (const payload of ['1', '2']) {
    write('a', payload);
    await turn();
  }
  t.strictSame(shards.tasks, [['a:1'], ['a:2']]);
  coalescer.stop();
});

test('what is due is sent as one task for each shard', async (t) => {
  const { coalescer, shards, write } = fixture({ variantsOf: (id) => (id === '1b' ? 5 : 8) });
  for (const id of ['1a', '1b', '2a', '1c']) write(id, 'x');
  await turn();
  t.strictSame(shards.tasks, [['1a:x', '1b:x', '1c:x'], ['2a:x']]);
  t.strictSame(shards.variants, [8, 5, 8, 8], 'each group says who is subscribed');
  coalescer.stop();
});

test('a group is marked when its writer is the only subscriber', async (t) => {
  const { coalescer, shards, write, read } = fixture({
    isOnlySubscriber: (session, id) => session === 1 && id !== '1',
  });
  write('a', 'own');
  write('1', 'of a document with others');
  await turn();
  t.strictSame(shards.tasks.flat(), ['a:own', '1:of a document with others']);
  t.strictSame(shards.writerOnly.splice(0), [true, false]);
  write('b', 'own');
  read('b', 'read');
  write('c', 'own');
  write('c', 'of somebody else', 2);
  write('d', 'of somebody else', 2);
  read('e', 'read');
  await turn();
  t.strictSame(shards.tasks.at(-1), ['b:own,read', 'c:own,of somebody else', 'd:of somebody else', 'e:read']);
  t.strictSame(shards.writerOnly, [true, false, false, false], 'all writes are its own, and there is one');
  coalescer.stop();
});

test('a read is sent at once, after the writes before it', async (t) => {
  const { coalescer, shards, write, read } = fixture();
  write('a', '1');
  await turn();
  write('a', '2');
  read('a', 'read');
  await turn();
  t.strictSame(shards.tasks, [['a:1'], ['a:2,read']]);
  coalescer.stop();
});

test('a read neither opens nor ends a window', async (t) => {
  const { coalescer, shards, write, read } = fixture();
  read('a', 'read');
  await turn();
  write('a', '1');
  await turn();
  t.strictSame(shards.tasks, [['a:read'], ['a:1']], 'the write after a read finds the document idle');
  read('a', 'read');
  await turn();
  write('a', '2');
  await turn();
  t.strictSame(shards.tasks.slice(2), [['a:read']], 'the window of the write is still open');
  coalescer.stop();
});

test('records for a busy shard collect, other shards continue', async (t) => {
  const { coalescer, shards, write, read } = fixture();
  shards.busy.add(1);
  write('1a', '1');
  await turn();
  write('1a', '2');
  write('1b', '1');
  read('1a', 'read');
  write('2a', '1');
  await turn();
  t.strictSame(shards.tasks, [['2a:1']]);
  shards.busy.delete(1);
  coalescer.pump(1);
  t.strictSame(shards.tasks.slice(1), [['1a:1,2,read', '1b:1']]);
  t.equal(coalescer.queuedBytes, 0);
  coalescer.stop();
});

test('a window that ends while the shard is busy loses nothing', async (t) => {
  const { coalescer, shards, write } = fixture({ batchDelayMs: 1 });
  write('a', '1');
  await until('the first task', () => shards.tasks.length === 1);
  shards.busy.add(0);
  write('a', '2');
  await new Promise((resolve) => setTimeout(resolve, 20));
  write('a', '3');
  shards.busy.clear();
  coalescer.pump(0);
  await until('the rest', () => shards.tasks.length > 1);
  t.strictSame(shards.tasks, [['a:1'], ['a:2,3']]);
  coalescer.stop();
});

test('a task has few reads, because their answers may be large', async (t) => {
  const { coalescer, shards, write, read } = fixture();
  write('a', 'w');
  for (let i = 0; i < 40; i++) read(i < 20 ? 'a' : 'b', String(i));
  await turn();
  const reads = shards.tasks.map(
    (task) =>
      task
        .join()
        .split(',')
        .filter((entry) => !entry.endsWith('w')).length,
  );
  t.ok(
    reads.every((count) => count <= 16),
    reads.join(' '),
  );
  t.equal(
    reads.reduce((sum, count) => sum + count, 0),
    40,
  );
  t.equal(coalescer.queuedBytes, 0);
  coalescer.stop();
});

test('a large task is cut, so that one document need not wait for all others', async (t) => {
  const { coalescer, shards, write } = fixture({ maxQueuedBytes: 10_000_000 });
  for (const id of ['a', 'b', 'c']) write(id, 'x'.repeat(600_000));
  await turn();
  t.strictSame(
    shards.tasks.map((task) => task.length),
    [2, 1],
  );
  coalescer.stop();
});

test('contract 10: waiting bytes are bounded, here and in the shards together; reads are always accepted', async (t) => {
  const size = recordSize(recordOf('x'.repeat(10), false));
  const { coalescer, shards, write, read } = fixture({ maxQueuedBytes: 3 * size });
  const payload = 'x'.repeat(10);
  shards.busy.add(0);
  shards.retained = size;
  t.equal(write('a', payload), true);
  t.equal(write('b', payload), true);
  t.equal(write('a', payload), false);
  t.equal(read('a', 'read'), true);
  t.equal(coalescer.queuedBytes, 2 * size + recordSize(recordOf('read', true)));
  shards.busy.clear();
  await turn();
  t.strictSame(shards.tasks, [[`a:${payload},read`, `b:${payload}`]], 'what was refused is not there');
  t.equal(coalescer.queuedBytes, 0);
  t.equal(write('c', payload), true, 'there is room again');
  coalescer.stop();
});

test('DRN2 flushAll sends what waits for its window', async (t) => {
  const { coalescer, shards, write } = fixture();
  for (const id of ['a', '1b']) write(id, '1');
  await turn();
  for (const id of ['a', '1b']) write(id, '2');
  write('c', '1');
  coalescer.flushAll();
  t.strictSame(
    shards.tasks.slice(2).map((task) => [...task].sort()),
    [['a:2', 'c:1'], ['1b:2']],
  );
  t.equal(coalescer.queuedBytes, 0);
  coalescer.flushAll();
  t.equal(shards.tasks.length, 4);
  coalescer.stop();
});

test('DRN2 flushAll reports when everything that waited at its call is submitted, whatever comes after', async (t) => {
  const { coalescer, shards, write } = fixture();
  shards.busy.add(0);
  write('a', '1');
  const done = coalescer.flushAll();
  t.equal(done(), false);
  write('b', '1');
  shards.busy.clear();
  coalescer.pump(0);
  shards.busy.add(0);
  write('c', '1');
  await turn();
  t.equal(done(), true);
  t.equal(fixture().coalescer.flushAll()(), true);
  coalescer.stop();
});

test('handedOver waits for what is due, and not for later records', async (t) => {
  const { coalescer, shards, write } = fixture();
  await coalescer.handedOver();
  shards.busy.add(0);
  write('a', '1');
  let handedOver = false;
  void coalescer.handedOver().then(() => (handedOver = true));
  await turn();
  t.equal(handedOver, false);
  shards.busy.clear();
  coalescer.pump(0);
  shards.busy.add(0);
  write('c', '1');
  await turn();
  t.equal(handedOver, true);
  t.strictSame(shards.tasks, [['a:1']]);
  coalescer.stop();
});

test('FAN2 FAN4 every accepted record is sent once, in order, no read before the writes that it must see', async (t) => {
  const steps = fc.record({
    kind: fc.constantFrom('write', 'write', 'write', 'read', 'read', 'busy', 'free', 'turn', 'wait'),
    id: fc.constantFrom('0a', '0b', '1a', '1b'),
    shard: fc.nat(1),
  });
  await holdsAsync(
    t,
    fc.asyncProperty(fc.array(steps, { maxLength: 40 }), fc.integer({ min: 1, max: 4 }), async (script, batchSize) => {
      const { coalescer, shards, write, read } = fixture({ batchSize, batchDelayMs: 2 });
      const sent = new Map<string, string[]>();
      let number = 0;
      for (const { kind, id, shard } of script) {
        if (kind === 'busy') shards.busy.add(shard);
        else if (kind === 'free') {
          shards.busy.delete(shard);
          coalescer.pump(shard);
        } else if (kind === 'turn') await turn();
        else if (kind === 'wait') await new Promise((resolve) => setTimeout(resolve, 3));
        else {
          const payload = `${kind[0]}${number++}`;
          assert.ok((kind === 'read' ? read : write)(id, payload));
          sent.set(id, [...(sent.get(id) ?? []), payload]);
        }
      }
      shards.busy.clear();
      coalescer.flushAll();
      coalescer.stop();
      assert.equal(coalescer.queuedBytes, 0);
      const groups = shards.tasks.flat().map((group) => group.split(':'));
      for (const id of new Set([...sent.keys(), ...groups.map(([name = '']) => name)])) {
        const given = sent.get(id) ?? [];
        const came = groups.filter(([name]) => name === id).flatMap(([, payloads = '']) => payloads.split(','));
        for (const kind of ['w', 'r']) {
          const ofKind = (payload: string): boolean => payload.startsWith(kind);
          assert.deepEqual(came.filter(ofKind), given.filter(ofKind));
        }
        for (const [at, payload] of given.entries()) {
          const before = given.slice(0, at).filter((other) => other.startsWith('w'));
          if (payload.startsWith('r')) assert.ok(before.every((other) => came.indexOf(other) < came.indexOf(payload)));
        }
      }
    }),
  );
});
