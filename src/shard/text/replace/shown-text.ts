import type { MarkedClusters, TextStore, VisibleBlock, VisibleText } from '@synckit/core-wasm';
import type { Kept } from './kept-ranges.js';

/** A text as it is shown: where its blocks and clusters are, in UTF-16 units. */
export class ShownText {
  readonly text: string;
  readonly blocks: readonly VisibleBlock[];
  readonly #core: Pick<TextStore, 'clusterEnds'>;
  /** Where each block begins, and where the last one ends. */
  readonly #starts: readonly number[];
  /** Where the clusters of a block end, counted from its beginning; made when it is needed. */
  readonly #ends = new Map<number, Uint32Array>();

  constructor(core: Pick<TextStore, 'clusterEnds'>, { text, blocks }: VisibleText) {
    this.#core = core;
    this.text = text;
    this.blocks = blocks;
    let end = 0;
    this.#starts = [0, ...blocks.map(({ units }) => (end += units))];
  }

  /** Parts of the text without the clusters that they hold a part of. */
  wholeClusters(kept: readonly Kept[]): Kept[] {
    return kept.flatMap(({ from, to, length }) => {
      const start = this.#boundary(from, 'after');
      const end = this.#boundary(from + length, 'before');
      return end > start ? [{ from: start, to: to + start - from, length: end - start }] : [];
    });
  }

  /** What is to be cut and deleted so that only these parts are left. */
  marksOutside(kept: readonly Kept[]): MarkedClusters[] {
    const marks: MarkedClusters[] = [];
    let next = 0;
    for (const [i, block] of this.blocks.entries()) {
      const start = this.#startOf(i);
      const end = start + block.units;
      while ((kept[next]?.from ?? Infinity) + (kept[next]?.length ?? 0) <= start) next++;
      const pieces: Piece[] = [];
      let at = start;
      for (let j = next; at < end; j++) {
        const part = kept[j];
        const from = Math.min(part?.from ?? end, end);
        if (from > at) pieces.push({ end: from, deleted: true });
        at = Math.max(at, from);
        const to = Math.min((part?.from ?? end) + (part?.length ?? 0), end);
        if (to > at) pieces.push({ end: to, deleted: false });
        at = Math.max(at, to);
      }
      if (pieces.length > 1 || pieces[0]?.deleted === true) marks.push(...this.#marksOf(i, block, pieces));
    }
    return marks;
  }

  /** The number of the block that begins there, that of the last one plus one at the end; undefined inside of a block. */
  blockFrom(offset: number): number | undefined {
    const block = this.#blockAt(offset);
    return this.#startOf(block) === offset ? block : undefined;
  }

  #marksOf(index: number, block: VisibleBlock, pieces: readonly Piece[]): MarkedClusters[] {
    let first = block.first;
    return pieces.map(({ end, deleted }) => {
      const last = block.first + this.#clustersBefore(index, block, end - this.#startOf(index)) - 1;
      const mark = { author: block.author, first, last, deleted };
      first = last + 1;
      return mark;
    });
  }

  /** The nearest place where a cluster begins or ends. */
  #boundary(offset: number, side: 'before' | 'after'): number {
    const index = this.#blockAt(offset);
    const block = this.blocks[index];
    const start = this.#startOf(index);
    if (block === undefined || offset === start || isPlain(block)) return offset;
    const ends = this.#endsOf(index, block);
    const place = firstNotBelow(ends, offset - start);
    const found = ends[place] ?? block.units;
    if (side === 'after' || found === offset - start) return start + found;
    return start + (ends[place - 1] ?? 0);
  }

  #clustersBefore(index: number, block: VisibleBlock, offset: number): number {
    if (offset === block.units) return block.last - block.first + 1;
    return isPlain(block) ? offset : firstNotBelow(this.#endsOf(index, block), offset) + 1;
  }

  #endsOf(index: number, { first, last, units }: VisibleBlock): Uint32Array {
    // One that has more clusters than its clock allows for is never cut.
    if (first === last) return Uint32Array.of(units);
    let ends = this.#ends.get(index);
    if (ends === undefined) {
      const start = this.#startOf(index);
      ends = this.#core.clusterEnds(this.text.slice(start, start + units));
      this.#ends.set(index, ends);
    }
    return ends;
  }

  #startOf(block: number): number {
    return this.#starts[block] ?? this.text.length;
  }

  /** The block that holds an offset, or begins there; one more than the last at the end of the text. */
  #blockAt(offset: number): number {
    const place = firstNotBelow(this.#starts, offset);
    return this.#starts[place] === offset ? place : place - 1;
  }
}

/** A piece of a block: from the end of the one before to there, in units of the text. */
interface Piece {
  readonly end: number;
  readonly deleted: boolean;
}

/** Whether each unit of its text is a cluster. */
function isPlain({ first, last, units }: VisibleBlock): boolean {
  return last - first + 1 === units;
}

/** Index of the first number that is not below one; they ascend. */
function firstNotBelow(numbers: ArrayLike<number>, value: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
