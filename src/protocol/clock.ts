/** The clocks of clients: a count for each of them. */

import { isClaim } from './claims.js';

export interface Clock {
  /** Undefined where the writer has no entry. */
  readonly counter: number | undefined;
  /** The largest entry, 0 without any. */
  readonly max: number;
}

/** The clock that counts make up, claims left out; undefined when one is none. @param writer Whose entry is asked for. */
export function clockOf(
  counts: ReadonlyMap<string, number | undefined>,
  writer: string | undefined,
): Clock | undefined {
  let counter: number | undefined;
  let max = 0;
  for (const [name, count] of counts) {
    if (!isCount(count)) return undefined;
    if (isClaim(name)) continue;
    if (name === writer) counter = count;
    if (count > max) max = count;
  }
  return { counter, max };
}

/** Whether a value may stand in a clock: a whole number that is not negative, exact as a double. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
