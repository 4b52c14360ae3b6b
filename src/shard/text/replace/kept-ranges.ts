import { CommonParts, type Keep } from './common-parts.js';
import { sharedLines } from './unique-lines.js';

/** Part of a text that stays, in UTF-16 units. */
export interface Kept {
  /** Where it is in the text as it was, and in the one that takes its place. */
  readonly from: number;
  readonly to: number;
  readonly length: number;
}

/** What stays between two changes must be worth this many units: each cut takes hundreds of bytes of a text's state. */
const EDIT_COST = 6;
/** Parts that stay, at most: cutting a text into very many takes longer than a shard may, and more than a state may hold. */
const MAX_PARTS = 2_000;

/**
 * What two texts have in common, in the order of both.
 *
 * @param limitMs Searching for more ends after about so long; then what is not compared counts as replaced. The common
 * beginning and end are always found. Half of the time is for whole lines.
 */
export function keptRanges(before: string, after: string, limitMs: number): readonly Kept[] {
  const now = performance.now();
  const until = now + Math.max(limitMs, 1);
  const kept: Kept[] = [];
  const keep: Keep = (from, to, length) => {
    const last = kept.at(-1);
    if (last === undefined || last.from + last.length !== from || last.to + last.length !== to) {
      kept.push({ from, to, length });
    } else kept[kept.length - 1] = { ...last, length: last.length + length };
  };
  const parts = new CommonParts(before, after, until, keep);
  let [from, to] = [0, 0];
  for (const line of [
    ...sharedLines(before, after, (now + until) / 2),
    { from: before.length, to: after.length, length: 0 },
  ]) {
    parts.find({ from, fromEnd: line.from, to, toEnd: line.to });
    if (line.length > 0) keep(line.from, line.to, line.length);
    [from, to] = [line.from + line.length, line.to + line.length];
  }
  return longest(worthwhile(kept, before.length, after.length));
}

/** So many as there may be. */
function longest(kept: readonly Kept[]): readonly Kept[] {
  if (kept.length <= MAX_PARTS) return kept;
  const chosen = new Set(kept.toSorted((a, b) => b.length - a.length).slice(0, MAX_PARTS));
  return kept.filter((part) => chosen.has(part));
}

/** Leaves out small parts where much is changed on both sides. */
function worthwhile(kept: readonly Kept[], beforeEnd: number, afterEnd: number): Kept[] {
  const worth: Kept[] = [];
  let [from, to] = [0, 0];
  for (const [i, part] of kept.entries()) {
    const next = kept[i + 1] ?? { from: beforeEnd, to: afterEnd };
    const changes = [
      part.from - from,
      part.to - to,
      next.from - part.from - part.length,
      next.to - part.to - part.length,
    ];
    const count = changes.filter((units) => units > 0).length;
    const isBetween = part.from + part.to > from + to && next.from + next.to > part.from + part.to + 2 * part.length;
    if (isBetween && part.length < (count === 4 ? EDIT_COST : count === 3 ? EDIT_COST / 2 : 0)) continue;
    worth.push(part);
    [from, to] = [part.from + part.length, part.to + part.length];
  }
  return worth;
}
