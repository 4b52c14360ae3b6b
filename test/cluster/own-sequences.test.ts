import { test } from 'tap';
import { OwnSequences } from '../../src/cluster/own-sequences.js';

test('each document is counted separately, with the time since its last update', (t) => {
  const own = new OwnSequences(1_000, 10);
  t.same(own.next('a', 100), { sequence: 1, since: 0 });
  t.same(own.next('b', 200), { sequence: 1, since: 0 });
  t.same(own.next('a', 350.9), { sequence: 2, since: 250 }, 'rounded down');
  t.end();
});

test('the last sequence is repeated after one, three and nine times tailMs', (t) => {
  const own = new OwnSequences(1_000, 10);
  own.next('a', 0);
  own.next('a', 500);
  own.next('b', 600);
  t.same(own.dueTails(1_499, 10), []);
  t.same(own.dueTails(1_500, 10), [{ documentId: 'a', sequence: 2, since: 1_000 }]);
  t.same(own.dueTails(1_600, 10), [{ documentId: 'b', sequence: 1, since: 1_000 }]);
  own.next('b', 1_700);
  t.same(own.dueTails(4_500, 10), [
    { documentId: 'b', sequence: 2, since: 2_800 },
    { documentId: 'a', sequence: 2, since: 4_000 },
  ]);
  t.same(own.dueTails(13_499, 10), [{ documentId: 'b', sequence: 2, since: 11_799 }]);
  t.same(own.dueTails(13_500, 10), [{ documentId: 'a', sequence: 2, since: 13_000 }]);
  t.equal(own.dueTails(100_000, 10).length, 1);
  t.same(own.dueTails(1_000_000, 10), []);
  t.same(own.next('a', 1_000_000), { sequence: 3, since: 999_500 }, 'the number itself is remembered');
  t.end();
});

test('many tails are returned in portions', (t) => {
  const own = new OwnSequences(1_000, 100);
  for (let i = 0; i < 25; i++) own.next(`doc${i}`, i);
  const portions = Array.from({ length: 4 }, () => own.dueTails(2_000, 10).map(({ documentId }) => documentId));
  t.same(
    portions.map(({ length }) => length),
    [10, 10, 5, 0],
  );
  t.equal(new Set(portions.flat()).size, 25);
  t.end();
});

test('a forgotten document continues above all forgotten sequences', (t) => {
  const own = new OwnSequences(1_000, 2);
  for (let i = 0; i < 5; i++) own.next('busy', i);
  own.next('a', 10);
  own.next('b', 20);
  t.equal(own.size, 2);
  t.same(own.next('c', 30), { sequence: 6, since: 26 }, 'above that of busy, and since then');
  t.same(own.next('busy', 40), { sequence: 6, since: 30 }, 'since a was published, which was forgotten last');
  t.same(own.dueTails(5_000, 10).length, 2, 'no tails of what was forgotten');
  t.end();
});

test('after a loss, the repetition starts again', (t) => {
  const own = new OwnSequences(1_000, 10);
  for (const [i, id] of ['a', 'b', 'c'].entries()) own.next(id, i * 100);
  for (const now of [2_000, 6_000, 20_000]) t.equal(own.dueTails(now, 10).length, 3);
  t.same(own.dueTails(50_000, 10), []);
  own.repeatSince(100, 50_000);
  own.repeat('unknown', 50_000);
  t.same(own.dueTails(50_999, 10), []);
  t.same(
    own.dueTails(51_000, 10).map(({ documentId }) => documentId),
    ['b', 'c'],
  );
  own.repeat('b', 51_000);
  t.same(
    own.dueTails(52_000, 10).map(({ documentId }) => documentId),
    ['b'],
  );
  t.end();
});
