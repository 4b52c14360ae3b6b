import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'tap';
import { StampClock } from '../../../src/shard/fields/stamp.js';
import { holds } from '../../support/values/property.js';

const SKEW = 60_000;
const clock = new StampClock(SKEW);
const NOW = 1_800_000_000_000;

test('ORD5 L grows strictly, follows the wall clock, and is above what the writer has seen', (t) => {
  const writes = fc.record({
    ahead: fc.integer({ min: -5, max: 5 }),
    clockMax: fc.oneof(
      fc.nat(100),
      fc.integer({ min: -100, max: 100 }).map((near) => (NOW + SKEW) * 1024 + near),
      fc.integer({ min: NOW * 1024 - 100, max: NOW * 1024 + 100_000 }),
      fc.constant(Number.MAX_SAFE_INTEGER),
    ),
  });
  holds(
    t,
    fc.property(fc.nat(2 ** 42), fc.array(writes), (start, list) => {
      let last = start;
      for (const { ahead, clockMax } of list) {
        const now = NOW + ahead;
        const next = clock.next(last, clockMax, now);
        assert.ok(next > last && Number.isSafeInteger(next));
        assert.ok(next >= now * 1024);
        if (clockMax + 1 < (now + SKEW) * 1024) assert.ok(next > clockMax);
        assert.ok(next <= Math.max(last + 1, (now + SKEW) * 1024), 'a wrong clock pulls it no further than the skew');
        last = next;
      }
    }),
    500,
  );
  t.end();
});

test('ORD5 a clock that is not far ahead is believed, another is not', (t) => {
  t.equal(clock.next(0, NOW * 1024 + 5, NOW), NOW * 1024 + 6);
  t.equal(clock.next(0, (NOW + SKEW) * 1024 - 2, NOW), (NOW + SKEW) * 1024 - 1);
  t.equal(clock.next(0, (NOW + SKEW) * 1024, NOW), NOW * 1024);
  t.equal(clock.next(NOW * 1024, 0, NOW), NOW * 1024 + 1);
  t.end();
});

test('ORD5 a wall clock of another age does not make an L that is no exact number', (t) => {
  for (const now of [Date.UTC(2200, 0), Date.UTC(2300, 0), 8.64e15]) {
    const first = clock.next(0, 0, now);
    const next = clock.next(first, now * 1024, now);
    t.ok(next > first && Number.isSafeInteger(next + 2 ** 50), `${now}: ${next}`);
  }
  t.end();
});

test('ORD2 a write from too far in the future counts as written now', (t) => {
  t.equal(clock.timestamp(NOW - 1_000_000, NOW), NOW - 1_000_000);
  t.equal(clock.timestamp(NOW + SKEW, NOW), NOW + SKEW);
  t.equal(clock.timestamp(NOW + SKEW + 1, NOW), NOW);
  t.equal(clock.timestamp(0, NOW), 0);
  for (const none of [-1, NaN, Infinity, -Infinity]) t.equal(clock.timestamp(none, NOW), NOW, String(none));
  t.end();
});

test('times are whole milliseconds: storage takes no others', (t) => {
  t.equal(clock.timestamp(NOW + 0.9, NOW), NOW);
  t.end();
});

test('ORD5 a document that is loaded goes on above what may have been sent and not stored', (t) => {
  t.equal(clock.resume(0, NOW), 0);
  t.equal(clock.resume(NOW * 1024 - 1, NOW), NOW * 1024 - 1, 'the wall clock carries it on');
  const justNow = clock.resume(NOW * 1024 + 7, NOW) - (NOW * 1024 + 7);
  t.ok(justNow > 1024 && justNow < 10 * 1024, 'what another node has just committed');
  t.ok(clock.resume((NOW + 500) * 1024, NOW) >= (NOW + 1_500) * 1024);
  t.equal(clock.isPast(NOW * 1024 - 1, NOW), true);
  t.equal(clock.isPast(NOW * 1024, NOW), false);
  t.end();
});
