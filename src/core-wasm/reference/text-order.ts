/**
 * The order in which clients show the blocks of a text. It is not sent: each client derives it from the origins, exactly
 * like this, oddities included: an insert into a run that was never cut comes before the whole run.
 */
import { Ancestry } from './text-ancestry.js';
import type { TextRun } from './text-run.js';
import type { TextId } from './text-state.js';

/** Where a block hangs in the tree: with a side below another one, or at the top. */
interface Place {
  readonly parent: number;
  readonly side: 'left' | 'right';
}

/**
 * @param runs All blocks in id order, deleted ones too, their ranges not overlapping.
 * @returns The runs in document order. Runs in a cycle of origins are left out.
 */
export function documentOrder<Run extends Omit<TextRun, 'text' | 'deleted'>>(runs: readonly Run[]): Run[] {
  const holder = holders(runs);
  const ancestry = new Ancestry(runs.length);
  const roots: number[] = [];
  const children = { left: new Map<number, number[]>(), right: new Map<number, number[]>() };
  for (const [node, run] of runs.entries()) {
    const place = placeOf(holder(run.left), holder(run.right), ancestry);
    ancestry.add(node, place?.parent);
    if (place === undefined) {
      roots.push(node);
      continue;
    }
    const siblings = children[place.side].get(place.parent);
    if (siblings === undefined) children[place.side].set(place.parent, [node]);
    else siblings.push(node);
  }
  return walk(roots, children.left, children.right).map((node) => runs[node] as Run);
}

function placeOf(left: number | undefined, right: number | undefined, ancestry: Ancestry): Place | undefined {
  if (left === undefined) return right === undefined ? undefined : { parent: right, side: 'left' };
  if (right === undefined || !ancestry.isWithin(right, left)) return { parent: left, side: 'right' };
  return { parent: right, side: 'left' };
}

/** Finds the block that holds the cluster which an origin names. */
function holders(runs: readonly Omit<TextRun, 'text' | 'deleted'>[]): (origin: TextId | null) => number | undefined {
  const byAuthor = new Map<string, number[]>();
  for (const [node, { author, first, last }] of runs.entries()) {
    if (first > last) continue;
    const nodes = byAuthor.get(author);
    if (nodes === undefined) byAuthor.set(author, [node]);
    else nodes.push(node);
  }
  return (origin) => {
    const nodes = origin === null ? undefined : byAuthor.get(origin.author);
    if (origin === null || nodes === undefined) return undefined;
    let low = 0;
    let high = nodes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const run = runs[nodes[middle] as number];
      if (run !== undefined && run.last < origin.clock) low = middle + 1;
      else high = middle;
    }
    const node = nodes[low];
    return node !== undefined && (runs[node]?.first ?? Infinity) <= origin.clock ? node : undefined;
  };
}

/** In-order: left children and theirs, the node, right children and theirs. Not recursive: a tree may be as deep as its text is long. */
function walk(
  roots: readonly number[],
  left: ReadonlyMap<number, readonly number[]>,
  right: ReadonlyMap<number, readonly number[]>,
): number[] {
  const order: number[] = [];
  const waiting: { node: number; entered: boolean }[] = [];
  const enter = (nodes: readonly number[] = []): void => {
    for (const node of nodes.toReversed()) waiting.push({ node, entered: false });
  };
  enter(roots);
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { node, entered } = next;
    if (entered) {
      order.push(node);
      enter(right.get(node));
    } else {
      waiting.push({ node, entered: true });
      enter(left.get(node));
    }
  }
  return order;
}
