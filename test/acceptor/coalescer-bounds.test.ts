/** What a coalescer lets wait, how large its tasks are, and that it submits all of it once and in order. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'tap';
import { recordSize } from '../../src/messages/task.js';
import { holdsAsync } from '../support/values/property.js';
import { coalescerFixture as fixture, recordOf, turn } from '../support/parts/recording-shards.js';

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
  const sizes = fc.record({
    batchSize: fc.integer({ min: 1, max: 4 }),
    gatherMs: fc.nat(2),
    windows: fc.array(fc.nat(4), { minLength: 1, maxLength: 5 }),
  });
  await holdsAsync(
    t,
    fc.asyncProperty(fc.array(steps, { maxLength: 40 }), sizes, async (script, { windows, ...options }) => {
      let flushes = 0;
      const flushed = (): number => windows[flushes++ % windows.length] ?? 0;
      const { coalescer, shards, write, read } = fixture({ batchDelayMs: 3, flushed, ...options });
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
