/** Documents that become due shortly after each other leave together. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'tap';
import {
  coalescerFixture as fixture,
  ENDLESS,
  turn,
  type CoalescerFixture,
} from '../support/parts/recording-shards.js';
import { until } from '../support/nodes/server.js';
import { holdsAsync } from '../support/values/property.js';

test('after a task, what other documents write is gathered into the next', async (t) => {
  const { coalescer, shards, write } = await unlessPaused();
  await until('the second task', () => shards.tasks.length > 1);
  t.strictSame(shards.tasks, [['a:1'], ['b:1', 'c:1']], 'the first after a pause waits for nothing');
  write('d', '1');
  await until('the third task', () => shards.tasks.length > 2);
  t.strictSame(shards.tasks.slice(2), [['d:1']]);
  coalescer.stop();
});

/** Writes to three documents within the time of one task; begins anew when the machine has paused for longer than that. */
async function unlessPaused(): Promise<CoalescerFixture> {
  const gatherMs = 300;
  for (;;) {
    const made = fixture({ gatherMs, batchDelayMs: gatherMs });
    const started = performance.now();
    for (const id of ['a', 'b', 'c']) {
      made.write(id, '1');
      await turn();
    }
    if (performance.now() - started < gatherMs) return made;
    made.coalescer.stop();
  }
}

test('a shard that is done with a task does not end the time, that of another shard is its own', async (t) => {
  const { coalescer, shards, write } = fixture({ gatherMs: ENDLESS });
  write('1a', '1');
  await turn();
  write('1b', '1');
  write('2a', '1');
  await turn();
  coalescer.pump(1);
  t.strictSame(shards.tasks, [['1a:1'], ['2a:1']]);
  const isGiven = coalescer.flushAll();
  t.equal(isGiven(), true, 'a drain waits for no time');
  t.strictSame(shards.tasks.slice(2), [['1b:1']]);
  coalescer.stop();
});

test('reads begin no time, and are gathered with writes', async (t) => {
  const { coalescer, shards, write, read } = fixture({ gatherMs: ENDLESS });
  read('a', 'read');
  await turn();
  read('b', 'read');
  await turn();
  write('c', '1');
  await turn();
  t.strictSame(shards.tasks.splice(0), [['a:read'], ['b:read'], ['c:1']]);
  read('d', 'read');
  await turn();
  t.strictSame(shards.tasks, []);
  coalescer.flushAll();
  t.strictSame(shards.tasks, [['d:read']]);
  coalescer.stop();
});

test('what a large task leaves over has nothing to wait for', async (t) => {
  const { coalescer, shards, write } = fixture({ gatherMs: ENDLESS, maxQueuedBytes: 10_000_000 });
  for (const id of ['a', 'b', 'c']) write(id, 'x'.repeat(600_000));
  await turn();
  t.strictSame(
    shards.tasks.map((task) => task.length),
    [2, 1],
  );
  coalescer.stop();
});

test('without windows nothing is gathered', async (t) => {
  const { coalescer, shards, write } = fixture({ gatherMs: ENDLESS, batchDelayMs: 0 });
  for (const id of ['a', 'b']) {
    write(id, '1');
    await turn();
  }
  t.strictSame(shards.tasks, [['a:1'], ['b:1']]);
  coalescer.stop();
});

test('FAN2 everything leaves by itself, without a drain and without later records', async (t) => {
  const steps = fc.record({
    kind: fc.constantFrom('write', 'write', 'write', 'read', 'busy', 'free', 'turn', 'wait', 'block', 'flush'),
    id: fc.constantFrom('0a', '0b', '1a', '1b'),
    shard: fc.nat(1),
  });
  await holdsAsync(
    t,
    fc.asyncProperty(fc.array(steps, { maxLength: 40 }), fc.integer({ min: 1, max: 3 }), async (script, gatherMs) => {
      const windows = { '0a': 0, '0b': 1, '1a': 2, '1b': 10 } as const;
      const flushed = (id: string): number => windows[id as keyof typeof windows];
      const { coalescer, shards, write, read } = fixture({ batchDelayMs: 3, gatherMs, flushed });
      const free = (shard: number): void => {
        shards.busy.delete(shard);
        coalescer.pump(shard);
      };
      let given = 0;
      for (const { kind, id, shard } of script) {
        if (kind === 'busy') shards.busy.add(shard);
        else if (kind === 'free') free(shard);
        else if (kind === 'turn') await turn();
        else if (kind === 'wait') await new Promise((resolve) => setTimeout(resolve, 2));
        else if (kind === 'block') for (const end = performance.now() + 1.5; performance.now() < end;);
        else if (kind === 'flush') coalescer.flushAll();
        else assert.ok((kind === 'read' ? read : write)(id, String(given++)));
      }
      // What a shard does that is done with its task, once.
      for (const shard of [0, 1]) free(shard);
      await until('everything to be submitted', () => coalescer.queuedBytes === 0);
      const came = shards.tasks.flat().flatMap((group) => group.slice(group.indexOf(':') + 1).split(','));
      assert.equal(came.length, given);
      coalescer.stop();
    }),
  );
});
