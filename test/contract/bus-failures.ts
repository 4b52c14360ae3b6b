/** What every bus promises when messages are lost, connections break, or what comes can't be read. */
import { Packr } from 'msgpackr';
import { updateOf } from '../support/redis/bus-recorder.js';
import { until } from '../support/nodes/server.js';
import type { Test } from './bus.js';

const packr = new Packr({ useRecords: false });

export function busFailureContract(test: Test): void {
  lossTests(test);
  connectionTests(test);
  messageTests(test);
}

function lossTests(test: Test): void {
  test('a lost message shows by the next one', async (t, world, join) => {
    const [a, b] = [await join('a'), await join('b')];
    b.bus.subscribe(['doc', 'other']);
    await b.seen.subscribed('doc', 'other');
    a.bus.publish(updateOf('other', 1));
    a.bus.publish(updateOf('doc', 1));
    await until('update', () => b.seen.updates.length === 2);
    world.lose((message) => message === 1);
    a.bus.publish(updateOf('doc', 2));
    a.bus.publish(updateOf('doc', 3));
    await until('a gap', () => b.seen.resyncs('gap').length > 0);
    await until('update', () => b.seen.updates.length === 3);
    t.same(b.seen.valuesOf('doc'), [1, 3], 'the next one is delivered all the same');
    t.same(b.seen.resyncs('gap'), ['doc']);
  });

  test('the last message of a burst shows by its tail', async (t, world, join) => {
    const [a, b] = [await join('a'), await join('b')];
    b.bus.subscribe(['known', 'unknown']);
    await b.seen.subscribed('known', 'unknown');
    a.bus.publish(updateOf('known', 1));
    await until('update', () => b.seen.updates.length === 1);
    // The first tails are lost, too.
    world.lose((message) => message <= 4);
    a.bus.publish(updateOf('known', 2));
    a.bus.publish(updateOf('unknown', 1));
    await until('gaps', () => b.seen.resyncs('gap').length === 2);
    t.same(new Set(b.seen.resyncs('gap')), new Set(['known', 'unknown']));
    t.equal(b.seen.updates.length, 1);
  });

  test('a late subscriber notices that the first message after its load was lost', async (t, world, join) => {
    const [a, b] = [await join('a'), await join('b')];
    for (let i = 0; i < 5; i++) a.bus.publish(updateOf('doc', i));
    b.bus.subscribe(['doc']);
    await b.seen.subscribed('doc');
    world.lose((message) => message === 1);
    a.bus.publish(updateOf('doc', 5));
    a.bus.publish(updateOf('doc', 6));
    await until('a gap', () => b.seen.resyncs('gap').length > 0);
    t.pass();
  });
}

function connectionTests(test: Test): void {
  test('after a lost connection all documents are reported, and updates go on', async (t, world, join) => {
    const [a, b] = [await join('a'), await join('b')];
    const ids = Array.from({ length: 200 }, (_, i) => `doc${i}`);
    b.bus.subscribe(ids);
    await b.seen.subscribed(...ids);
    world.cut(b.bus);
    await until('no connection', () => !b.bus.connected);
    t.equal(b.seen.connected, 0);
    a.bus.publish(updateOf('doc0', 'missed'));
    b.bus.unsubscribe(['doc1']);
    b.bus.subscribe(['new']);
    world.mend(b.bus);
    await until('a connection', () => b.bus.connected);
    await until('reports', () => b.seen.resyncs('reconnect').length >= ids.length - 1);
    await b.seen.subscribed('new');
    t.same(new Set(b.seen.resyncs('reconnect')), new Set(ids.filter((id) => id !== 'doc1')));
    for (const id of ['doc1', 'doc0', 'new']) a.bus.publish(updateOf(id, 'after'));
    await until('update', () => b.seen.valuesOf('new').length === 1 && b.seen.valuesOf('doc0').length === 1);
    t.same(b.seen.valuesOf('doc0'), ['after']);
    t.same(b.seen.valuesOf('doc1'), []);
    t.same(b.seen.statuses, [true, false, true]);
    t.equal(b.seen.connected, 1);
  });

  test('what is published without a connection is dropped, and made good by the tail', async (t, world, join) => {
    const [a, b] = [await join('a'), await join('b')];
    b.bus.subscribe(['doc', 'fresh']);
    await b.seen.subscribed('doc', 'fresh');
    a.bus.publish(updateOf('doc', 1));
    await until('update', () => b.seen.updates.length === 1);
    world.cut(a.bus);
    await until('no connection', () => !a.bus.connected);
    a.bus.publish(updateOf('doc', 2));
    a.bus.publish(updateOf('fresh', 1));
    t.equal(a.seen.counted.dropped, 2);
    world.mend(a.bus);
    await until('gaps', () => b.seen.resyncs('gap').length === 2);
    t.equal(b.seen.updates.length, 1);
    t.same(b.seen.statuses, [true], 'of the other one');
  });

  test('closing sends what was published, and tells what was lost', async (t, world, join) => {
    const [a, b] = [await join('a'), await join('b')];
    b.bus.subscribe(['sent', 'lost']);
    await b.seen.subscribed('sent', 'lost');
    world.lose((message) => message === 1);
    a.bus.publish(updateOf('lost'));
    a.bus.publish(updateOf('sent', 'last words'));
    await a.bus.close();
    await until('update', () => b.seen.updates.length === 1);
    await until('a gap', () => b.seen.resyncs('gap').length > 0);
    t.same(b.seen.valuesOf('sent'), ['last words']);
    t.same(b.seen.resyncs('gap'), ['lost']);
  });

  test('closing ends everything', async (t, world, join) => {
    const [a, b, c] = [await join('a'), await join('b'), await join('c')];
    for (const { bus } of [b, c]) bus.subscribe(['doc']);
    await Promise.all([b.seen.subscribed('doc'), c.seen.subscribed('doc')]);
    b.bus.subscribe(['never']);
    void b.bus.close();
    t.equal(b.bus.connected, false);
    b.bus.publish(updateOf('doc', 'from a closed bus'));
    b.bus.subscribe(['more']);
    b.bus.unsubscribe(['doc']);
    await b.bus.close();
    world.cut(b.bus);
    a.bus.publish(updateOf('doc', 'last'));
    await until('update', () => c.seen.updates.length === 1);
    t.same(c.seen.valuesOf('doc'), ['last']);
    t.same(b.seen.updates, []);
    t.same(b.seen.resyncs('subscribed'), ['doc']);
    t.same(b.seen.statuses, [true]);
    t.equal(b.seen.connected, 0);
  });
}

function messageTests(test: Test): void {
  test('what a newer node sends is loaded when it can not be read', async (t, world, join) => {
    const b = await join('b');
    b.bus.subscribe(['doc']);
    await b.seen.subscribed('doc');
    const now = Date.now();
    await world.inject(
      'doc:doc',
      packr.pack([1, 'new', 5, 1, 0, now, 0, 1, [], null, [], 1, [1, 1, 'a', 1], 'appended', { more: true }]),
    );
    await until('update', () => b.seen.updates.length === 1);
    t.equal(b.seen.resyncs('unreadable').length, 0, 'what is appended is ignored');
    await world.inject('doc:doc', packr.pack([2, 'new', 5, 2, { of: 'another kind' }]));
    await world.inject('doc:doc', packr.pack([1, 'new', 5, 3, 77, now, 0]));
    await world.inject('doc:doc', packr.pack([3]));
    await until('reports', () => b.seen.resyncs('unreadable').length === 3);
    await world.inject('doc:doc', packr.pack([1, 'new', 5, 4, 1, now, 0]));
    await world.inject('doc:doc', packr.pack([1, 'new', 5, 6, 1, now, 0]));
    // Numbers are counted on, through what can not be read.
    await until('two gaps', () => b.seen.counted.gaps === 2);
    t.ok(b.seen.resyncs('gap').length > 0);
    t.equal(b.seen.counted.malformed, 0);
  });

  test('malformed messages are counted and ignored', async (t, world, join) => {
    const [a, b] = [await join('a'), await join('b')];
    b.bus.subscribe(['doc']);
    await b.seen.subscribed('doc');
    const malformed = [
      Buffer.alloc(0),
      Buffer.from('text'),
      Buffer.from([0xc1]),
      Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]),
      Buffer.alloc(100_000, 0x91),
      packr.pack({ version: 1 }),
      packr.pack([1, 'node', 5, 0, 0, 1, 0, 1, [], null, []]),
      packr.pack([1, 'node', 5, 1, 0, 1, 0, 1, [['path', '1', false, NaN, 1, 'c', 1]], null, []]),
      packr.pack([1, 'node', 5, 1, 0, 1, 0, 1, [], 'text', []]),
      packr.pack([1, 'node', 5, 1, 0, 1, 0, 1, [], null, [7]]),
      packr.pack([-1]),
    ];
    for (const bytes of malformed) await world.inject('doc:doc', bytes);
    await until('all of them', () => b.seen.counted.malformed === malformed.length);
    a.bus.publish(updateOf('doc', 5));
    await until('update', () => b.seen.updates.length === 1);
    t.same(b.seen.valuesOf('doc'), [5]);
    t.same(b.seen.resyncRequests.length, 1);
    t.equal(b.seen.logged.filter((line) => line.includes('can not be read')).length, 1, 'one line for all of them');
  });
}
