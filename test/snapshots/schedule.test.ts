import { pino } from 'pino';
import { test, type Test } from 'tap';
import { SnapshotSchedule, type SnapshotScheduleOptions } from '../../src/snapshots/schedule.js';
import { until } from '../support/nodes/server.js';

function started(t: Test, options: Partial<SnapshotScheduleOptions>) {
  const made: string[] = [];
  const done: [result: string, count: number | undefined][] = [];
  const schedule = new SnapshotSchedule({
    ...{ intervalMs: 0, everyWrites: 0, maxAgeMs: 0, maxWaiting: 10 },
    create: (id) => Promise.resolve(void made.push(id)),
    removeOlder: () => Promise.resolve(0),
    onDone: (result, count) => done.push([result, count]),
    log: pino({ level: 'silent' }),
    ...options,
  });
  t.teardown(() => schedule.stop());
  schedule.start();
  return { schedule, made, done };
}

test('a document is made a snapshot of once for all writes in its interval', async (t) => {
  const { schedule, made } = started(t, { intervalMs: 200 });
  for (const id of ['a', 'b', 'a', 'a']) schedule.changed(id);
  t.equal(schedule.waiting, 2);
  t.strictSame(made, [], 'not at once');
  await until('both', () => made.length === 2);
  t.strictSame(made, ['a', 'b']);
  t.equal(schedule.waiting, 0);
  schedule.changed('a');
  await until('the next', () => made.length === 3);
});

test('after so many writes it is made at once, and counted anew', async (t) => {
  const { schedule, made } = started(t, { everyWrites: 3 });
  for (const id of ['a', 'a', 'b', 'b', 'b', 'b']) schedule.changed(id);
  await until('that of one', () => made.length > 0);
  t.strictSame(made, ['b']);
  t.equal(schedule.waiting, 1, 'the other has had too few');
});

test('changed documents are remembered up to a bound, and one that failed is tried again', async (t) => {
  let failures = 1;
  const { schedule, made, done } = started(t, {
    ...{ intervalMs: 100, maxWaiting: 2 },
    create: (id) => {
      if (failures-- > 0) return Promise.reject(new Error('the storage is away'));
      made.push(id);
      return Promise.resolve();
    },
  });
  for (const id of ['a', 'b', 'c']) schedule.changed(id);
  t.equal(schedule.waiting, 2);
  await until('both', () => made.length === 2);
  t.strictSame([made, done], [['b', 'a'], [['failed', undefined]]]);
});

test('however many snapshots are too old, one sweep removes them, and no other runs meanwhile', async (t) => {
  const left = [100, 100, 100, 7];
  let [running, together] = [0, 0];
  const { schedule, done } = started(t, {
    maxAgeMs: 20,
    removeOlder: async (createdBefore, limit) => {
      t.ok(createdBefore <= Date.now() - 20 && limit === 100);
      together = Math.max(together, ++running);
      await new Promise((resolve) => setTimeout(resolve, 50));
      running--;
      return left.shift() ?? 0;
    },
  });
  await until('all', () => left.length === 0 && running === 0);
  t.equal(together, 1);
  t.strictSame(
    done.slice(0, 4).map(([, count]) => count),
    [100, 100, 100, 7],
  );
  await schedule.stop();
});
