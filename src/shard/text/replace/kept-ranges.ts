import { DIFF_DELETE, DIFF_INSERT, diffCleanupEfficiency, diffMain } from 'diff-match-patch-es';

/** Part of a text that stays, in UTF-16 units. */
export interface Kept {
  /** Where it is in the text as it was, and in the one that takes its place. */
  readonly from: number;
  readonly to: number;
  readonly length: number;
}

/** What stays between two changes must be worth this many units: each cut takes hundreds of bytes of a text's state. */
const EDIT_COST = 6;

/**
 * What two texts have in common, in the order of both.
 *
 * @param limitMs Searching for more ends after about so long; then what is not compared counts as replaced. The common
 * beginning and end are always found.
 */
export function keptRanges(before: string, after: string, limitMs: number): Kept[] {
  const options = { diffTimeout: Math.max(limitMs, 1) / 1_000, diffEditCost: EDIT_COST };
  const changes = diffMain(before, after, options);
  diffCleanupEfficiency(changes, options);
  const kept: Kept[] = [];
  let from = 0;
  let to = 0;
  for (const [operation, { length }] of changes) {
    if (operation === DIFF_DELETE) from += length;
    else if (operation === DIFF_INSERT) to += length;
    else {
      kept.push({ from, to, length });
      from += length;
      to += length;
    }
  }
  return kept;
}
