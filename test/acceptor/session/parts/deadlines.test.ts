import fc from 'fast-check';
import { test } from 'tap';
import { Deadlines, type Due } from '../../../../src/acceptor/session/parts/deadlines.js';

interface Item extends Due {
  readonly name: number;
}

const item = (name: number): Item => ({ name, dueAt: 0, duePlace: -1 });

function until(holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (holds()) resolve();
      else setTimeout(look, 5);
    };
    look();
  });
}

test('all that is due is told once, the earliest first, and nothing that was removed', async () => {
  let now = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ at: fc.nat(50), isKept: fc.boolean() }), { maxLength: 100, size: 'max' }),
      async (wanted) => {
        now = 0;
        const told: Item[] = [];
        const deadlines = new Deadlines<Item>(
          () => now,
          (due) => told.push(due),
        );
        const items = wanted.map((_, i) => item(i));
        wanted.forEach(({ at }, i) => deadlines.add(items[i]!, at));
        items.filter((_, i) => wanted[i]?.isKept === false).forEach((due) => deadlines.remove(due));
        const kept = items.filter((_, i) => wanted[i]?.isKept === true);
        if (deadlines.size !== kept.length) return false;
        now = 50;
        // A timer that was started for one that is gone finds the others.
        await until(() => told.length >= kept.length);
        const isSorted = told.every((due, i) => i === 0 || told[i - 1]!.dueAt <= due.dueAt);
        const isAll = new Set(told).size === kept.length && kept.every((due) => told.includes(due));
        return isSorted && isAll && deadlines.size === 0 && items.every(({ duePlace }) => duePlace === -1);
      },
    ),
    { numRuns: 30 },
  );
});

test('what is due earlier than all others is not told late, and what is due later not early', async (t) => {
  const told: number[] = [];
  const start = performance.now();
  const deadlines = new Deadlines<Item>(
    () => performance.now(),
    ({ name, dueAt }) => {
      told.push(name);
      if (performance.now() < dueAt) t.fail(`${name} is told early`);
    },
  );
  const [never, second, first, gone] = [0, 2, 1, 3].map(item) as [Item, Item, Item, Item];
  deadlines.add(never, start + 2 ** 33);
  deadlines.add(second, start + 80);
  deadlines.add(gone, start + 20);
  deadlines.add(first, start + 40);
  deadlines.remove(gone);
  await until(() => told.length === 2);
  t.same(told, [1, 2]);
  deadlines.remove(second);
  t.equal(deadlines.size, 1, 'to remove what is gone does nothing');
  deadlines.stop();
});

test('who is due may get a new deadline at once', async (t) => {
  let times = 0;
  const deadlines: Deadlines<Item> = new Deadlines<Item>(
    () => performance.now(),
    (due) => {
      if (++times < 3) deadlines.add(due, performance.now() + 5);
    },
  );
  deadlines.add(item(1), performance.now() + 5);
  await until(() => times === 3);
  t.equal(deadlines.size, 0);
});
