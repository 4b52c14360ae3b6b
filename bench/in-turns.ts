import { median } from './results.js';

/** Something to time: repeats its work so often that reading the clock does not count, and returns how often. */
export type Work = () => number | Promise<number>;

/** Rounds that count, and warm-up rounds before them. */
const ROUNDS = 9;
const WARM_UP_ROUNDS = 4;
/** Each piece of work is repeated in a round until it has used so much CPU, in µs. */
const ROUND_CPU = 50_000;

/**
 * Times pieces of work in turns, so that all run under the same conditions. Returns µs per operation, medians of the
 * rounds: CPU time of all threads of this process, so that garbage collection counts and other processes do not.
 */
export async function timeInTurns(works: readonly Work[]): Promise<number[]> {
  const times = works.map((): number[] => []);
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    for (const [i, work] of works.entries()) {
      const time = await timeOnce(work);
      if (round >= 0) times[i]?.push(time);
    }
  }
  return times.map(median);
}

async function timeOnce(work: Work): Promise<number> {
  const start = process.cpuUsage();
  let operations = 0;
  let used = 0;
  while (used < ROUND_CPU) {
    const done = work();
    operations += typeof done === 'number' ? done : await done;
    const { user, system } = process.cpuUsage(start);
    used = user + system;
  }
  return used / operations;
}
