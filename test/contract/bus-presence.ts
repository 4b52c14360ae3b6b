/** What every bus promises about awareness: nothing is kept, and who may have missed something asks. */
import { Packr } from 'msgpackr';
import { encodePresence } from '../../src/cluster/presence-message.js';
import { newsOf, presenceOf } from '../support/bus-recorder.js';
import { until } from '../support/server.js';
import type { Test } from './bus.js';

const packr = new Packr({ useRecords: false });

export function presenceContract(test: Test): void {
  test('presence reaches those who follow the document, and nobody else', async (t, _world, join) => {
    const [a, b, c] = [await join('a'), await join('b'), await join('c')];
    for (const { bus } of [a, b]) bus.followPresence(['doc', 'end']);
    c.bus.subscribe(['doc', 'end']);
    c.bus.followPresence(['end']);
    await Promise.all([a.seen.following('doc', 'end'), b.seen.following('doc', 'end'), c.seen.following('end')]);
    await c.seen.subscribed('doc', 'end');
    a.bus.publishPresence('doc', presenceOf('é', { at: 1 }));
    a.bus.publish(newsOf('doc'));
    a.bus.publishPresence('end', presenceOf('last', {}));
    await until('the end', () => [b, c].every(({ seen }) => seen.statesOf('end', 'last').length > 0));
    await until('news', () => c.seen.news.length === 1);
    t.same(b.seen.statesOf('doc', 'é'), [{ at: 1 }]);
    t.same(b.seen.news, [], 'news is another channel');
    t.same(c.seen.statesOf('doc', 'é'), []);
    t.ok(a.seen.counted.presencePublished >= 2);
    t.ok(b.seen.counted.presenceReceived >= 2);
  });

  test('presence of the process itself does not come back', async (t, world, join) => {
    const [a, b] = [await join('a'), await join('b')];
    for (const { bus } of [a, b]) bus.followPresence(['doc']);
    await Promise.all([a.seen.following('doc'), b.seen.following('doc')]);
    await world.inject('aw:doc', presenceOf('own', {}, 1, a.seen.run));
    await world.inject('aw:doc', presenceOf('strange', {}, 1, 'a third'));
    await until('both', () => [a, b].every(({ seen }) => seen.statesOf('doc', 'strange').length > 0));
    t.same(a.seen.statesOf('doc', 'own'), []);
    t.same(b.seen.statesOf('doc', 'own'), [{}]);
  });

  test('who follows anew asks the others, also when it follows already', async (t, _world, join) => {
    const [a, b] = [await join('a'), await join('b')];
    a.bus.followPresence(['doc']);
    await a.seen.following('doc');
    b.bus.followPresence(['doc', 'doc']);
    await until('a question', () => a.seen.askersOf('doc').length === 1);
    t.equal(b.seen.presenceActive.length, 1);
    b.bus.followPresence(['doc']);
    await until('another question', () => a.seen.askersOf('doc').length === 2);
    t.same(b.seen.presenceActive, ['doc', 'doc']);
    t.equal(new Set(a.seen.askersOf('doc')).size, 1, 'of one run');
  });

  test('presence that is not followed any more does not come', async (t, _world, join) => {
    const [a, b] = [await join('a'), await join('b')];
    b.bus.followPresence(['doc', 'end']);
    b.bus.subscribe(['doc']);
    await b.seen.following('doc', 'end');
    await b.seen.subscribed('doc');
    b.bus.unfollowPresence(['doc', 'unknown']);
    b.bus.unfollowPresence(['doc']);
    a.bus.publishPresence('doc', presenceOf('client', {}));
    a.bus.publishPresence('end', presenceOf('client', {}));
    a.bus.publish(newsOf('doc'));
    await until('the end', () => b.seen.statesOf('end', 'client').length === 1);
    await until('news of the document', () => b.seen.news.length === 1);
    t.same(b.seen.statesOf('doc', 'client'), []);
  });

  test('after a lost connection the others are asked again, and what was said meanwhile is not kept', async (t, world, join) => {
    const [a, b] = [await join('a'), await join('b')];
    const ids = Array.from({ length: 200 }, (_, i) => `doc${i}`);
    for (const { bus } of [a, b]) bus.followPresence(ids);
    await Promise.all([a.seen.following(...ids), b.seen.following(...ids)]);
    world.cut(b.bus);
    await until('no connection', () => !b.bus.connected);
    const [activeBefore, droppedBefore] = [b.seen.presenceActive.length, b.seen.counted.presenceDropped];
    b.bus.publishPresence('doc0', presenceOf('client', { lost: true }));
    t.equal(b.seen.counted.presenceDropped, droppedBefore + 1);
    b.bus.unfollowPresence(['doc1']);
    const askedBefore = a.seen.askersOf('doc5').length;
    world.mend(b.bus);
    const again = () => new Set(b.seen.presenceActive.slice(activeBefore));
    await until('all to be active again', () => again().size === ids.length - 1);
    t.notOk(again().has('doc1'));
    await until('a question', () => a.seen.askersOf('doc5').length > askedBefore);
    a.bus.publishPresence('doc0', presenceOf('client', { after: true }));
    await until('what is said now', () => b.seen.statesOf('doc0', 'client').length > 0);
    b.bus.publishPresence('doc0', presenceOf('client', { after: true }));
    await until('what is said now', () => a.seen.statesOf('doc0', 'client').length > 0);
    t.same(a.seen.statesOf('doc0', 'client'), [{ after: true }]);
  });

  test('presence that can not be read is counted, and what a newer node says ignored', async (t, world, join) => {
    const b = await join('b');
    b.bus.followPresence(['doc']);
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
    await world.inject('aw:doc', encodePresence({ kind: 'ask', run: 'run' }));
    await until('what can be read', () => b.seen.askersOf('doc').includes('run'));
    t.same(b.seen.statesOf('doc', 'client'), [{}]);
    t.equal(b.seen.counted.malformed, malformed.length);
    t.equal(b.seen.logged.filter((line) => line.includes('can not be read')).length, 1, 'one line for all of them');
  });

  test('closing ends presence too', async (t, _world, join) => {
    const [a, b] = [await join('a'), await join('b')];
    b.bus.followPresence(['doc']);
    await b.seen.following('doc');
    a.bus.publishPresence('doc', presenceOf('client', { last: 'words' }));
    await a.bus.close();
    await until('the last words', () => b.seen.statesOf('doc', 'client').length === 1);
    const { presencePublished, presenceDropped } = a.seen.counted;
    a.bus.publishPresence('doc', presenceOf('client', {}, 2));
    a.bus.followPresence(['doc']);
    a.bus.unfollowPresence(['doc']);
    t.strictSame(
      [a.seen.counted.presencePublished, a.seen.counted.presenceDropped],
      [presencePublished, presenceDropped],
    );
    t.same(a.seen.presenceActive, []);
  });
}
