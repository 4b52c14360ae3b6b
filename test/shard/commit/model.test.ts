/** Random writes, some of which the storage refuses: at rest memory, storage and clients hold the same. */
import tap, { test } from 'tap';
import { Random, seedsToPlay } from '../../support/random.js';
import { RefusalModel } from './refusal-model.js';

tap.setTimeout(300_000);

for (const when of ['merged', 'durable'] as const) {
  test(`REF3, REF4, DUR1, DUR2: refusals, losers and failures end equal everywhere (${when})`, async (t) => {
    for (const seed of seedsToPlay([], 30)) {
      try {
        await new RefusalModel(new Random(seed), when).play(120);
      } catch (error) {
        throw new Error(`SEED=${seed}: ${String(error)}`, { cause: error });
      }
    }
    t.pass('all seeds');
  });
}
