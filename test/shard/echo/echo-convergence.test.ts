/** Whatever is not echoed, everybody ends with what the server holds. `SEEDS=5000` plays more worlds, `SEED=7` one. */
import { test } from 'tap';
import { EchoWorld } from '../../support/echo/echo-world.js';
import { seedsToPlay } from '../../support/random.js';

/** Worlds that once ended differently. */
const pinned: readonly number[] = [129, 148, 222, 855_319_704, 855_319_747, 60_003, 30_465];

test('ECHO5 ORD1 at rest every client shows what the server holds', async (t) => {
  for (const seed of seedsToPlay(pinned, 120)) {
    const differences = await EchoWorld.play(seed);
    if (differences.length > 0) t.fail(`seed ${seed}: ${differences.join('; ')}`);
  }
  t.pass('all worlds converged');
});

test('ECHO5 ORD1 also where hardly anything is remembered', async (t) => {
  for (const seed of seedsToPlay([], 40)) {
    const differences = await EchoWorld.play(seed, 1);
    if (differences.length > 0) t.fail(`seed ${seed}: ${differences.join('; ')}`);
  }
  t.pass('all worlds converged');
});
