import { test } from 'tap';
import { coalescerFixture as fixture, ENDLESS, turn } from '../support/parts/recording-shards.js';
import { until } from '../support/nodes/server.js';

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

test('FAN3 each document waits for its own window, which its flush has given', async (t) => {
  const given: number[] = [];
  const { coalescer, shards, write } = fixture({
    flushed: (id) => (id === 'cheap' ? 0 : Infinity),
    windows: { observe: (seconds) => given.push(seconds) },
  });
  for (const payload of ['1', '2', '3']) {
    write('cheap', payload);
    write('costly', payload);
    await turn();
  }
  t.strictSame(shards.tasks, [['cheap:1', 'costly:1'], ['cheap:2'], ['cheap:3']]);
  t.strictSame(given, [0, ENDLESS / 1_000, 0, 0], 'none is longer than the longest');
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
  // The window of another shard's document opens later, and so ends later.
  write('1b', '1');
  await until('the window of b', () => shards.tasks.length === 2);
  write('1b', '2');
  await until('the end of that window', () => shards.tasks.length === 3);
  write('a', '3');
  shards.busy.clear();
  coalescer.pump(0);
  await until('the rest', () => shards.tasks.length > 3);
  t.strictSame(shards.tasks, [['a:1'], ['1b:1'], ['1b:2'], ['a:2,3']]);
  coalescer.stop();
});
