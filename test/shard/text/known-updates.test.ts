import { test } from 'tap';
import { KnownUpdates } from '../../../src/shard/text/known-updates.js';

test('parts are counted and summed, each once, until one takes the place of all', (t) => {
  const parts = new KnownUpdates();
  const sums = (): number[] => [parts.count, parts.firstBytes, parts.laterBytes];
  t.strictSame(sums(), [0, 0, 0]);
  parts.add('a', 100);
  t.strictSame(sums(), [1, 100, 0]);
  parts.add('b', 20);
  parts.add('c', 3);
  parts.add('a', 100);
  parts.add('b', 20);
  t.strictSame(sums(), [3, 100, 23], 'a reload finds the same parts again');
  t.strictSame(parts.clear(), ['a', 'b', 'c']);
  t.strictSame(sums(), [0, 0, 0]);
  parts.add('d', 110);
  parts.add('e', 5);
  t.strictSame(sums(), [2, 110, 5]);
  t.end();
});
