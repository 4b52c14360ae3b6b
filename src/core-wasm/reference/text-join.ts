/**
 * The join of text states: for each author the finest common refinement of all runs, where a cluster is deleted if any
 * run has it deleted. It is commutative, associative and idempotent.
 */
import { clusterCount, splitClusters } from './graphemes.js';
import { cutRun, sameContent, type TextRun } from './text-run.js';
import { compareOrigins } from './text-state.js';
import { compareUtf8 } from './utf8-order.js';

/** A mark: clusters without their text. A run begins and ends there, and may be deleted. */
export interface TextMark {
  readonly author: string;
  readonly first: number;
  readonly last: number;
  readonly deleted: boolean;
}

export interface Joined {
  /** Ascending and not overlapping. Unchanged runs are the given objects, the first one of equal ones. */
  readonly runs: readonly TextRun[];
  /** Runs about whose text or origins the states disagreed: the result may be new to each of them. */
  readonly disputed: ReadonlySet<TextRun>;
  /** Whether a mark names clusters that no run has. */
  readonly incomplete: boolean;
}

type Piece = TextRun | TextMark;

/** What is known of a range in which no piece begins or ends. */
interface Fragment {
  readonly runs: TextRun[];
  readonly deleted: boolean;
}

/** @param pieces Of one author, with one cluster or more; in any order, and they may overlap. */
export function joinRuns(pieces: readonly Piece[]): Joined {
  const runs: TextRun[] = [];
  const disputed = new Set<TextRun>();
  let incomplete = false;
  for (const group of overlapping(pieces)) {
    for (const fragment of refine(group)) {
      const deleted = fragment.deleted || fragment.runs.some((run) => run.deleted);
      const [one] = fragment.runs;
      if (one === undefined) {
        incomplete = true;
      } else if (fragment.runs.every((other) => sameContent(one, other))) {
        runs.push(one.deleted === deleted ? one : { ...one, deleted });
      } else {
        for (const run of settle(fragment.runs, deleted)) {
          runs.push(run);
          disputed.add(run);
        }
      }
    }
  }
  return { runs, disputed, incomplete };
}

/** The pieces in groups, ascending, so that no piece of one group overlaps any of another. */
function overlapping(pieces: readonly Piece[]): Piece[][] {
  const groups: Piece[][] = [];
  let end = -1;
  for (const piece of pieces.toSorted((a, b) => a.first - b.first)) {
    if (piece.first > end) groups.push([piece]);
    else groups.at(-1)?.push(piece);
    end = Math.max(end, piece.last);
  }
  return groups;
}

/** Cuts the runs of a group wherever one of its pieces begins or ends. Returns the fragments, ascending. */
function refine(group: readonly Piece[]): Fragment[] {
  const [one] = group;
  if (group.length === 1 && one !== undefined && 'text' in one) return [{ runs: [one], deleted: one.deleted }];
  const starts = [...new Set(group.flatMap(({ first, last }) => [first, last + 1]))].sort((a, b) => a - b);
  const places = new Map(starts.map((start, place) => [start, place]));
  const runs = starts.map((): TextRun[] => []);
  // Marks may span any number of fragments: the change in the number of deletions at each place.
  const deletions = starts.map(() => 0);
  for (const piece of group) {
    const place = places.get(piece.first) as number;
    const end = places.get(piece.last + 1) as number;
    if ('text' in piece) {
      const fragments = cutRun(piece, starts.slice(place + 1, end));
      for (const [index, fragment] of fragments.entries()) runs[place + index]?.push(fragment);
    } else if (piece.deleted) {
      deletions[place] = (deletions[place] ?? 0) + 1;
      deletions[end] = (deletions[end] ?? 0) - 1;
    }
  }
  let deleted = 0;
  // No fragment begins at the last boundary.
  return runs.slice(0, -1).map((list, place) => ({ runs: list, deleted: (deleted += deletions[place] ?? 0) > 0 }));
}

/** Where states disagree, the greatest cluster stays, by text and then by origins. */
function settle(fragments: readonly TextRun[], deleted: boolean): TextRun[] {
  const clusters = fragments.map(clustersOf).reduce((best, others) =>
    best.map((cluster, index) => {
      const other = others[index] as TextRun;
      return compareContent(other, cluster) > 0 ? other : cluster;
    }),
  );
  return regroup(clusters.map((cluster) => ({ ...cluster, deleted })));
}

function clustersOf(run: TextRun): TextRun[] {
  if (run.first === run.last) return [run];
  return splitClusters(run.text).map((text, index) => {
    const clock = run.first + index;
    return { ...run, first: clock, last: clock, text };
  });
}

function compareContent(a: TextRun, b: TextRun): number {
  return compareUtf8(a.text, b.text) || compareOrigins(a.left, b.left) || compareOrigins(a.right, b.right);
}

/** Neighbours with the same origins become a run again, unless concatenating them would fuse clusters. */
function regroup(clusters: readonly TextRun[]): TextRun[] {
  const groups: TextRun[][] = [];
  for (const cluster of clusters) {
    const group = groups.at(-1);
    const before = group?.at(-1);
    if (group !== undefined && before !== undefined && sameContent({ ...before, text: cluster.text }, cluster)) {
      group.push(cluster);
    } else {
      groups.push([cluster]);
    }
  }
  return groups.flatMap((group) => {
    const text = group.map((cluster) => cluster.text).join('');
    if (clusterCount(text) !== group.length) return group;
    const [one] = group;
    return one === undefined ? [] : [{ ...one, last: one.last + group.length - 1, text }];
  });
}
