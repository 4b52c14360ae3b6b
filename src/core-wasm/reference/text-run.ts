/** Blocks of a text by the clocks that their clusters have. */
import { clusterCount, clusterOffsets } from './graphemes.js';
import { compareOrigins, type TextBlock, type TextId } from './text-state.js';
import { compareUtf8 } from './utf8-order.js';

/** The clusters `first` to `last` of an author. Without text `first` is one more than `last`. */
export interface TextRun {
  readonly author: string;
  readonly first: number;
  readonly last: number;
  readonly text: string;
  readonly left: TextId | null;
  readonly right: TextId | null;
  readonly deleted: boolean;
}

/** A block of more clusters than its clock allows counts as one cluster. */
export function toRun({ id, text, left, right, deleted }: TextBlock): TextRun {
  const count = clusterCount(text);
  const first = count > id.clock ? id.clock : id.clock - count + 1;
  return { author: id.author, first, last: id.clock, text, left, right, deleted };
}

export function toBlock({ author, last, text, left, right, deleted }: TextRun): TextBlock {
  return { id: { author, clock: last, offset: 0 }, text, left, right, deleted };
}

/** Compares by id. This is not the order of the text. */
export function compareRuns(a: TextRun, b: TextRun): number {
  return a.last - b.last || compareUtf8(a.author, b.author);
}

/** Cuts a run before each of the given clocks: ascending, above its first and up to its last. */
export function cutRun(run: TextRun, clocks: readonly number[]): TextRun[] {
  if (clocks.length === 0) return [run];
  const offsets = clusterOffsets(
    run.text,
    clocks.map((clock) => clock - run.first),
  );
  return [run.first, ...clocks].map((first, index) => ({
    ...run,
    first,
    last: (clocks[index] ?? run.last + 1) - 1,
    text: run.text.slice(offsets[index - 1] ?? 0, offsets[index]),
  }));
}

/** Whether runs of the same clusters agree on them, deletion aside. */
export function sameContent(a: TextRun, b: TextRun): boolean {
  return a.text === b.text && compareOrigins(a.left, b.left) === 0 && compareOrigins(a.right, b.right) === 0;
}
