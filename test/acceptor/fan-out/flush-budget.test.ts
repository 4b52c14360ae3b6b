/** How long documents are collected, with injected costs and times. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'tap';
import { FlushBudget } from '../../../src/acceptor/fan-out/flush-budget.js';
import { holds } from '../../support/values/property.js';

const CAP = 50;
/** Milliseconds of a simulated time. */
const SIMULATED = 5_000;

interface SimulatedDocument {
  readonly subscribers: number;
  /** Milliseconds from one write to the next. */
  readonly everyMs: number;
}

interface Outcome {
  /** Share of a core that all flushes take. */
  readonly used: number;
  /** By document: flushes per second. */
  readonly flushes: readonly number[];
}

/** A budget whose subscribers cost so much each, in ms. */
function budgetOf(perSubscriberMs: number, share = 50, utilization = () => 0.5): FlushBudget {
  const budget = new FlushBudget({ share, capMs: CAP, utilization });
  for (let i = 0; i < 50; i++) budget.measured(perSubscriberMs * 1_000, 1_000);
  return budget;
}

/** Writes documents for a time, and flushes each at its first write after its window; the first second does not count. */
function simulate(budget: FlushBudget, documents: readonly SimulatedDocument[]): Outcome {
  const next = documents.map((_, i) => i / documents.length);
  const flushes = documents.map(() => 0);
  let cost = 0;
  for (let now = 0; now < SIMULATED; now += 0.5) {
    for (const [i, { subscribers, everyMs }] of documents.entries()) {
      if (now < (next[i] ?? 0)) continue;
      const open = now + budget.flushed(subscribers, now);
      next[i] = Math.ceil(open / everyMs) * everyMs;
      if (now < 1_000) continue;
      flushes[i] = (flushes[i] ?? 0) + 1;
      cost += 0.2 + subscribers * budget.perSubscriberMs;
    }
  }
  const counted = SIMULATED - 1_000;
  return { used: cost / counted, flushes: flushes.map((count) => (count / counted) * 1_000) };
}

test('FAN3 no window is longer than the longest, whatever flushes cost', (t) => {
  const steps = fc.record({
    subscribers: fc.nat(100_000),
    pause: fc.double({ min: 0, max: 200, noNaN: true }),
    busy: fc.double({ min: 0, max: 1, noNaN: true }),
    measured: fc.option(fc.double({ min: 0, max: 60_000, noNaN: true })),
  });
  const settings = fc.record({ share: fc.nat(100), capMs: fc.integer({ min: 1, max: 60_000 }) });
  holds(
    t,
    fc.property(fc.array(steps), settings, (script, options) => {
      let utilization = 0;
      const budget = new FlushBudget({ ...options, utilization: () => utilization });
      let now = 0;
      for (const { subscribers, pause, busy, measured } of script) {
        now += pause;
        utilization = busy;
        if (measured !== null) budget.measured(measured, subscribers + 1);
        const window = budget.flushed(subscribers, now);
        assert.ok(window >= 0 && window <= options.capMs, String(window));
      }
    }),
  );
  t.end();
});

test('a costly document that is always written keeps to the share', (t) => {
  for (const share of [20, 50, 80]) {
    const { used } = simulate(budgetOf(0.006, share), [{ subscribers: 1_000, everyMs: 1 }]);
    t.ok(used <= (share / 100) * 1.05 && used >= (share / 100) * 0.8, `${share} %: ${used}`);
  }
  t.end();
});

test('a document that costs little is sent sooner, also beside one that costs much', (t) => {
  const [small, large] = [
    { subscribers: 5, everyMs: 20 },
    { subscribers: 1_000, everyMs: 1 },
  ] as const;
  const alone = simulate(budgetOf(0.006), [small]);
  t.ok((alone.flushes[0] ?? 0) > 45, 'each of its writes is sent at once');
  const both = simulate(budgetOf(0.006), [small, large]);
  t.ok((both.flushes[0] ?? 0) > 45, String(both.flushes));
  t.ok(both.used <= 0.55, String(both.used));
  t.ok((both.flushes[1] ?? 0) > 1_000 / CAP, 'the other takes what is left');
  t.end();
});

test('many documents keep to one share together, and wait for the longest window at most', (t) => {
  const many = Array.from({ length: 100 }, () => ({ subscribers: 100, everyMs: 5 }));
  const { used, flushes } = simulate(budgetOf(0.001), many);
  t.ok(used <= 0.65, String(used));
  t.ok(flushes.every((perSecond) => perSecond >= 1_000 / (CAP + 6)));
  const tooMany = simulate(budgetOf(0.01), many);
  t.ok(
    tooMany.flushes.every((perSecond) => perSecond >= 1_000 / (CAP + 6) && perSecond <= 1_000 / (CAP - 6)),
    'no share can hold them, so they are sent as seldom as allowed',
  );
  t.end();
});

test('where the thread has no time to spare, windows are the longest until it has', (t) => {
  let utilization = 1;
  const budget = budgetOf(0.006, 50, () => utilization);
  const flushFor = (from: number, to: number): number => {
    let window = 0;
    for (let now = from; now < to; now += 25) window = budget.flushed(500, now);
    return window;
  };
  t.equal(flushFor(0, 5_000), CAP);
  utilization = 0.5;
  t.ok(flushFor(5_000, 10_000) < 10);
  t.end();
});

test('what is idle again after much load is sent as soon as before', (t) => {
  const budget = budgetOf(0.01);
  for (let now = 0; now < 1_000; now += 0.1) budget.flushed(100, now);
  t.equal(budget.flushed(100, 1_000), CAP);
  for (let now = 1_100; now < 2_000; now += 100) budget.flushed(100, now);
  t.ok(budget.flushed(100, 2_000) < 3);
  t.end();
});

test('the cost of a subscriber follows what is measured, and a pause of the machine is no cost', (t) => {
  const budget = budgetOf(0.02);
  t.ok(Math.abs(budget.perSubscriberMs - 0.02) < 0.001);
  budget.measured(60_000, 1_000);
  t.ok(budget.perSubscriberMs < 0.04, 'one turn changes little');
  for (let i = 0; i < 50; i++) budget.measured(0.5, 100);
  t.ok(budget.perSubscriberMs < 0.02, 'turns that reach few count together');
  t.end();
});

test('without a share every window is the longest', (t) => {
  const budget = budgetOf(0.001, 0);
  t.equal(budget.flushed(1, 0), CAP);
  t.end();
});
