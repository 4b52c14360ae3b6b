/** What every bus promises about awareness: nothing is kept, and who may have missed something asks. */
import { Packr } from 'msgpackr';
import { encodeAwareness } from '../../src/cluster/awareness-message.js';
import { updateOf, awarenessOf } from '../support/redis/bus-recorder.js';
import { until } from '../support/nodes/server.js';
import type { Test } from './bus.js';

const packr = new Packr({ useRecords: false });

export function awarenessContract(test: Test): void {
  test('awareness reaches those who follow the document, and nobody else', async (t, _world, join) => {
    const [a, b, c] = [await join('a'), await join('b'), await join('c')];
    for (const { bus } of [a, b]) bus.followAwareness(['doc', 'end']);
    c.bus.subscribe(['doc', 'end']);
    c.bus.followAwareness(['end']);
    await Promise.all([a.seen.following('doc', 'end'), b.seen.following('doc', 'end'), c.seen.following('end')]);
    await c.seen.subscribed('doc', 'end');
    a.bus.publishAwareness('doc', awarenessOf('é', { at: 1 }));
    a.bus.publish(updateOf('doc'));
    a.bus.publishAwareness('end', awarenessOf('last', {}));
    await until('the end', () => [b, c].every(({ seen }) => seen.statesOf('end', 'last').length > 0));
    await until('update', () => c.seen.updates.length === 1);
    t.same(b.seen.statesOf('doc', 'é'), [{ at: 1 }]);
    t.same(b.seen.updates, [], 'updates have another channel');
    t.same(c.seen.statesOf('doc', 'é'), []);
    t.ok(a.seen.counted.awarenessPublished >= 2);
    t.ok(b.seen.counted.awarenessReceived >= 2);
  });

  test('awareness of the process itself does not come back', async (t, world, join) => {
    const [a, b] = [await join('a'), await join('b')];
    for (const { bus } of [a, b]) bus.followAwareness(['doc']);
    await Promise.all([a.seen.following('doc'), b.seen.following('doc')]);
    await world.inject('aw:doc', awarenessOf('own', {}, 1, a.seen.run));
    await world.inject('aw:doc', awarenessOf('strange', {}, 1, 'a third'));
    await until('both', () => [a, b].every(({ seen }) => seen.statesOf('doc', 'strange').length > 0));
    t.same(a.seen.statesOf('doc', 'own'), []);
    t.same(b.seen.statesOf('doc', 'own'), [{}]);
  });

  test('who follows anew asks the others, also when it follows already', async (t, _world, join) => {
    const [a, b] = [await join('a'), await join('b')];
    a.bus.followAwareness(['doc']);
    await a.seen.following('doc');
    b.bus.followAwareness(['doc', 'doc']);
    await until('a question', () => a.seen.askersOf('doc').length === 1);
    t.equal(b.seen.awarenessActive.length, 1);
    b.bus.followAwareness(['doc']);
    await until('another question', () => a.seen.askersOf('doc').length === 2);
    t.same(b.seen.awarenessActive, ['doc', 'doc']);
    t.equal(new Set(a.seen.askersOf('doc')).size, 1, 'of one run');
  });

  test('awareness that is not followed any more does not come', async (t, _world, join) => {
    const [a, b] = [await join('a'), await join('b')];
    b.bus.followAwareness(['doc', 'end']);
    b.bus.subscribe(['doc']);
    await b.seen.following('doc', 'end');
    await b.seen.subscribed('doc');
    b.bus.unfollowAwareness(['doc', 'unknown']);
    b.bus.unfollowAwareness(['doc']);
    a.bus.publishAwareness('doc', awarenessOf('client', {}));
    a.bus.publishAwareness('end', awarenessOf('client', {}));
    a.bus.publish(updateOf('doc'));
    await until('the end', () => b.seen.statesOf('end', 'client').length === 1);
    await until('update of the document', () => b.seen.updates.length === 1);
    t.same(b.seen.statesOf('doc', 'client'), []);
  });

  test('after a lost connection the others are asked again, and what was said meanwhile is not kept', async (t, world, join) => {
    const [a, b] = [await join('a'), await join('b')];
    const ids = Array.from({ length: 200 }, (_, i) => `doc${i}`);
    for (const { bus } of [a, b]) bus.followAwareness(ids);
    await Promise.all([a.seen.following(...ids), b.seen.following(...ids)]);
    world.cut(b.bus);
    await until('no connection', () => !b.bus.connected);
    const [activeBefore, droppedBefore] = [b.seen.awarenessActive.length, b.seen.counted.awarenessDropped];
    b.bus.publishAwareness('doc0', awarenessOf('client', { lost: true }));
    t.equal(b.seen.counted.awarenessDropped, droppedBefore + 1);
    b.bus.unfollowAwareness(['doc1']);
    const askedBefore = a.seen.askersOf('doc5').length;
    world.mend(b.bus);
    const again = () => new Set(b.seen.awarenessActive.slice(activeBefore));
    await until('all to be active again', () => again().size === ids.length - 1);
    t.notOk(again().has('doc1'));
    await until('a question', () => a.seen.askersOf('doc5').length > askedBefore);
    a.bus.publishAwareness('doc0', awarenessOf('client', { after: true }));
    await until('what is said now', () => b.seen.statesOf('doc0', 'client').length > 0);
    b.bus.publishAwareness('doc0', awarenessOf('client', { after: true }));
    await until('what is said now', () => a.seen.statesOf('doc0', 'client').length > 0);
    t.same(a.seen.statesOf('doc0', 'client'), [{ after: true }]);
  });

  test('awareness that can not be read is counted, and what a newer node says ignored', async (t, world, join) => {
    const b = await join('b');
    b.bus.followAwareness(['doc']);
    await b.seen.following('doc');
    const row = ['client', 'user', 1, 1, 1, '{}'];
    const malformed = [
      Buffer.alloc(0),
      Buffer.from('text'),
      Buffer.alloc(100_000, 0x91),
      packr.pack({ version: 1 }),
      packr.pack([0, 2, 'run']),
      packr.pack([1, 2, '']),
      packr.pack([1, 2, 'x'.repeat(65)]),
      packr.pack([1, 0, 'run', -1, [], []]),
      packr.pack([1, 0, 'run', 1, [row], 'left']),
      packr.pack([1, 0, 'run', 1, [['', ...row.slice(1)]], []]),
      packr.pack([1, 0, 'run', 1, [[...row.slice(0, 4), 1.5, '{}']], []]),
      packr.pack([1, 0, 'run', 1, [[...row.slice(0, 3), 1e16, 1, '{}']], []]),
      packr.pack([1, 0, 'run', 1, [[...row.slice(0, 5), '{"open":']], []]),
      packr.pack([1, 0, 'run', 1, [[...row.slice(0, 5), '[]']], []]),
      packr.pack([1, 0, 'run', 1, [], Array.from({ length: 1_001 }, (_, i) => `c${i}`)]),
      packr.pack([1, 1, 'run', 1, [row], 10_000, true]),
      packr.pack([1, 1, 'run', 1, [row], 0, 'yes']),
    ];
    for (const bytes of malformed) await world.inject('aw:doc', bytes);
    await until('all of them', () => b.seen.counted.malformed === malformed.length);
    await world.inject('aw:doc', packr.pack([2, 0, 'run', { of: 'another kind' }]));
    await world.inject('aw:doc', packr.pack([1, 77, 'run']));
    await world.inject('aw:doc', packr.pack([1, 0, 'run', 1, [[...row, 'appended']], [], { more: true }]));
    await world.inject('aw:doc', encodeAwareness({ kind: 'ask', run: 'run' }));
    await until('what can be read', () => b.seen.askersOf('doc').includes('run'));
    t.same(b.seen.statesOf('doc', 'client'), [{}]);
    t.equal(b.seen.counted.malformed, malformed.length);
    t.equal(b.seen.logged.filter((line) => line.includes('can not be read')).length, 1, 'one line for all of them');
  });

  test('closing ends awareness too', async (t, _world, join) => {
    const [a, b] = [await join('a'), await join('b')];
    b.bus.followAwareness(['doc']);
    await b.seen.following('doc');
    a.bus.publishAwareness('doc', awarenessOf('client', { last: 'words' }));
    await a.bus.close();
    await until('the last words', () => b.seen.statesOf('doc', 'client').length === 1);
    const { awarenessPublished, awarenessDropped } = a.seen.counted;
    a.bus.publishAwareness('doc', awarenessOf('client', {}, 2));
    a.bus.followAwareness(['doc']);
    a.bus.unfollowAwareness(['doc']);
    t.strictSame(
      [a.seen.counted.awarenessPublished, a.seen.counted.awarenessDropped],
      [awarenessPublished, awarenessDropped],
    );
    t.same(a.seen.awarenessActive, []);
  });
}
