/** Properties as assertions. `SEED=…` repeats the one that failed; `RUNS=10` tries ten times as many inputs. */
import fc, { type IAsyncProperty, type IProperty } from 'fast-check';
import type { Test } from 'tap';

function parameters(runs: number): { numRuns: number; seed?: number } {
  const { SEED: seed, RUNS: factor } = process.env;
  const numRuns = runs * Number(factor ?? 1);
  return seed === undefined ? { numRuns } : { numRuns, seed: Number(seed) };
}

/** @throws With the seed and the smallest input for which it does not hold. */
export function holds<T>(t: Test, property: IProperty<T>, runs = 200): void {
  fc.assert(property, parameters(runs));
  t.pass(`${runs} inputs`);
}

/** As `holds`, for properties that take their time. */
export async function holdsAsync<T>(t: Test, property: IAsyncProperty<T>, runs = 50): Promise<void> {
  await fc.assert(property, parameters(runs));
  t.pass(`${runs} inputs`);
}
