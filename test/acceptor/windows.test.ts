import { test } from 'tap';
import { Windows, type Windowed } from '../../src/acceptor/windows.js';
import { until } from '../support/nodes/server.js';

class Item implements Windowed {
  lane: Set<this> | undefined;
  windowEnd = 0;
}

test('windows of any lengths end, none before its time, the shorter ones first', async (t) => {
  const ended: Item[] = [];
  const early: Item[] = [];
  const windows = new Windows<Item>(60, (item) => {
    if (performance.now() < item.windowEnd) early.push(item);
    ended.push(item);
  });
  const now = performance.now();
  const lengths = [60, 2, 30, 1, 7, 15, 0.6, 45];
  const items = lengths.map(() => new Item());
  for (const [i, item] of items.entries()) {
    const length = lengths[i] ?? 0;
    const given = windows.open(item, now, length);
    t.ok(given >= length && given < Math.max(length, 1) * 1.2, `${length} is rounded up to ${given}`);
    t.equal(item.windowEnd, now + given);
  }
  t.strictSame(new Set(windows), new Set(items));
  await until('all windows to end', () => ended.length === items.length);
  t.strictSame(early, []);
  t.strictSame([...windows], []);
  t.ok(
    items.every((item) => item.lane === undefined),
    'none is open any more',
  );
  windows.stop();
});

test('a window that is opened anew ends once, at its new end', async (t) => {
  const ended: Item[] = [];
  const windows = new Windows<Item>(100, (item) => {
    ended.push(item);
  });
  const [moved, other] = [new Item(), new Item()];
  windows.open(moved, performance.now(), 100);
  windows.open(moved, performance.now(), 2);
  windows.open(other, performance.now(), 100);
  await until('both to end', () => ended.length >= 2);
  t.strictSame(ended, [moved, other]);
  windows.stop();
});

test('what is hardly a window is none, and nothing is where the longest is 0', (t) => {
  const windows = new Windows<Item>(50, () => undefined);
  const item = new Item();
  t.equal(windows.open(item, 0, 0.4), 0);
  t.equal(item.lane, undefined);
  t.equal(windows.open(item, 0, 50), 50);
  t.equal(windows.open(item, 0, 0), 0);
  t.strictSame([...windows], [], 'it closes the one that was open');
  windows.stop();
  t.equal(new Windows<Item>(0, () => undefined).open(item, 0, 50), 0);
  t.end();
});
