/** Sorts blocks by id: a stable natural merge sort, fast where most are in order already. */
import { allocateScratch } from '../../memory/arena';
import { authorAt, Authors, compareAuthors } from '../authors';
import { BLOCK, Block, copyBlock } from '../block';
import { BlockList } from '../block-list';

/** Below, at or above 0 as `a` comes before, at or after `b` in the order of ids. */
export function compareIds(authors: Authors, a: Block, b: Block): i32 {
  if (a.clock != b.clock) return a.clock > b.clock ? 1 : -1;
  if (a.author == b.author) return 0;
  return compareAuthors(authorAt(authors, a.author), authorAt(authors, b.author));
}

/** Sorts the list's blocks: ascending runs are merged in pairs until one is left. */
export function sortBlocks(authors: Authors, list: BlockList): void {
  const count = list.count;
  const starts = allocateScratch((count + 1) * 4);
  let runs: u32 = 0;
  for (let index: u32 = 0; index < count; index++) {
    const at = list.data + index * BLOCK;
    if (index > 0 && compareIds(authors, changetype<Block>(at - BLOCK), changetype<Block>(at)) <= 0) continue;
    store<u32>(starts + (runs++ << 2), index);
  }
  if (runs <= 1) return;
  store<u32>(starts + (runs << 2), count);

  let from = list.data;
  let to = allocateScratch(list.capacity * BLOCK);
  while (runs > 1) {
    let merged: u32 = 0;
    for (let run: u32 = 0; run < runs; run += 2) {
      const start = load<u32>(starts + (run << 2));
      const middle = load<u32>(starts + (run << 2), 4);
      const end = run + 1 < runs ? load<u32>(starts + (run << 2), 8) : middle;
      mergeRuns(authors, from, to, start, middle, end);
      store<u32>(starts + (merged++ << 2), start);
    }
    runs = merged;
    store<u32>(starts + (runs << 2), count);
    const swapped = from;
    from = to;
    to = swapped;
  }
  list.data = from;
}

function mergeRuns(authors: Authors, from: usize, to: usize, start: u32, middle: u32, end: u32): void {
  let left = from + start * BLOCK;
  let right = from + middle * BLOCK;
  const leftEnd = right;
  const rightEnd = from + end * BLOCK;
  for (let target = to + start * BLOCK; target < to + end * BLOCK; target += BLOCK) {
    const leftFirst =
      right == rightEnd ||
      (left < leftEnd && compareIds(authors, changetype<Block>(left), changetype<Block>(right)) <= 0);
    copyBlock(changetype<Block>(target), changetype<Block>(leftFirst ? left : right));
    if (leftFirst) left += BLOCK;
    else right += BLOCK;
  }
}
