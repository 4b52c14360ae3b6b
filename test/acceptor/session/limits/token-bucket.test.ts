import { test } from 'tap';
import { perMinute, Rate, TokenBucket } from '../../../../src/acceptor/session/limits/token-bucket.js';

/** How many of a number of messages pass at one moment. */
function passed(bucket: TokenBucket, now: number, tries: number): number {
  return Array.from({ length: tries }, () => bucket.take(now)).filter(Boolean).length;
}

test('LIM3 the messages of a minute pass at once, then as many as are refilled', (t) => {
  const bucket = new TokenBucket(perMinute(60));
  t.equal(passed(bucket, 1_000, 100), 60);
  t.equal(passed(bucket, 1_999, 10), 0);
  t.equal(passed(bucket, 2_000, 10), 1);
  t.equal(passed(bucket, 12_000, 100), 10);
  t.end();
});

test('LIM3 a long pause refills no more than one minute', (t) => {
  const bucket = new TokenBucket(perMinute(60));
  t.equal(passed(bucket, 10_000_000, 1_000), 60);
  t.end();
});

test('LIM3 fractions of a message add up, however often one tries', (t) => {
  const bucket = new TokenBucket(perMinute(60));
  passed(bucket, 0, 60);
  let count = 0;
  for (let now = 1; now <= 10_500; now++) count += passed(bucket, now, 1);
  t.equal(count, 10);
  t.end();
});

test('LIM3 a limit of 0 is none', (t) => {
  const bucket = new TokenBucket(perMinute(0));
  t.equal(passed(bucket, 0, 10_000), 10_000);
  t.end();
});

test('what was charged beyond the burst has to be waited for', (t) => {
  const bucket = new TokenBucket(new Rate(1_000, 4_000));
  bucket.charge(0, 10_000);
  t.equal(bucket.waitMs(0), 6_001);
  t.equal(bucket.take(6_000), false);
  t.equal(bucket.take(6_001), true);
  bucket.charge(6_001, -100_000);
  t.equal(bucket.take(6_001, 4_001), false, 'what is given back is no more than the burst');
  t.ok(bucket.isFull(6_001));
  t.equal(bucket.take(6_001, 4_000), true);
  t.equal(bucket.isFull(6_001), false);
  t.end();
});
