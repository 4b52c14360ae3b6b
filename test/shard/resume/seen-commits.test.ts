import { test } from 'tap';
import { SeenCommits } from '../../../src/shard/resume/seen-commits.js';
import { Random, seedsToPlay } from '../../support/random.js';

test('a number is complete when none before it is missing', (t) => {
  const seen = new SeenCommits(3);
  t.equal(seen.add(2), true, 'known already');
  t.equal(seen.add(5), false);
  t.equal(seen.upTo, 3);
  t.equal(seen.add(4), true);
  t.equal(seen.upTo, 5);
  t.equal(seen.add(8), false);
  t.equal(seen.add(9), false);
  seen.loaded(6);
  t.equal(seen.upTo, 6);
  seen.loaded(7);
  t.equal(seen.upTo, 9);
  t.equal(seen.add(10), true);
  seen.loaded(1);
  t.equal(seen.upTo, 10);
  t.end();
});

test('in whatever order commits and loads come, it is complete up to the first that is missing', (t) => {
  for (const seed of seedsToPlay([], 50)) {
    const random = new Random(seed);
    const seen = new SeenCommits(0);
    const known = new Set<number>();
    for (let i = 0; i < 200; i++) {
      const number = random.between(1, 100);
      if (random.once(10)) {
        seen.loaded(number);
        for (let n = 1; n <= number; n++) known.add(n);
      } else {
        seen.add(number);
        known.add(number);
      }
      let upTo = 0;
      while (known.has(upTo + 1)) upTo++;
      if (seen.upTo !== upTo) t.equal(seen.upTo, upTo, `SEED=${seed}`);
    }
  }
  t.pass();
  t.end();
});
