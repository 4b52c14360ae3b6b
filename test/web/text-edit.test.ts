import { editOf } from '#web/playground/text-edit';
import { test } from 'tap';

const clusters = ['h', 'e', 'l', 'l', 'o'];

test('what was typed, deleted or replaced, by the caret', (t) => {
  t.equal(editOf(clusters, 'hello', 2), undefined);
  t.same(
    editOf(clusters, 'helllo', 4),
    { place: 3, removed: 0, inserted: 'l' },
    'of equal letters the one that was typed',
  );
  t.same(editOf(clusters, 'helllo', 3), { place: 2, removed: 0, inserted: 'l' });
  t.same(editOf(clusters, 'helo', 3), { place: 3, removed: 1, inserted: '' });
  t.same(editOf(clusters, 'hexyo', 4), { place: 2, removed: 2, inserted: 'xy' });
  t.same(editOf(clusters, '', 0), { place: 0, removed: 5, inserted: '' });
  t.same(editOf([], 'abc', 3), { place: 0, removed: 0, inserted: 'abc' });
  t.same(editOf(clusters, 'Jello', 5), { place: 0, removed: 1, inserted: 'J' }, 'a correction far from the caret');
  t.end();
});

test('an edit never cuts a cluster', (t) => {
  const family = '👨‍👩‍👧';
  t.same(editOf(['a', family, 'b'], 'a👨‍👩b', 6), { place: 1, removed: 1, inserted: '👨‍👩' });
  t.same(editOf(['é'], 'e', 1), { place: 0, removed: 1, inserted: 'e' });
  t.same(editOf(['a', 'b'], 'a\u0301b', 2), { place: 1, removed: 0, inserted: '\u0301' });
  t.end();
});
