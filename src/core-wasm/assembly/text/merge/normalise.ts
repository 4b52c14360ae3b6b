/**
 * Makes a list without overlaps of one author's blocks, which may overlap: a merge sort whose runs ascend without
 * overlapping and whose merge is the join.
 */
import { allocateScratch } from '../../memory/arena';
import { Authors } from '../authors';
import { BLOCK, Block, firstClock } from '../block';
import { blockAt, BlockList, makeList, pushBlock } from '../block-list';
import { joinLists } from './join';

/** @param blocks `count` blocks, ascending by their clocks. */
export function normalised(authors: Authors, blocks: usize, count: u32): BlockList {
  let from = makeList(count);
  for (let index: u32 = 0; index < count; index++) pushBlock(from, changetype<Block>(blocks + index * BLOCK));
  const starts = allocateScratch((count + 1) * 4);
  let rows: u32 = 0;
  for (let index: u32 = 0; index < count; index++) {
    if (index > 0 && blockAt(from, index - 1).clock < firstClock(blockAt(from, index))) continue;
    store<u32>(starts + (rows++ << 2), index);
  }
  store<u32>(starts + (rows << 2), count);

  let to = makeList(count * 2);
  while (rows > 1) {
    let joined: u32 = 0;
    to.count = 0;
    for (let row: u32 = 0; row < rows; row += 2) {
      const start = load<u32>(starts + (row << 2));
      const middle = load<u32>(starts + (row << 2), 4);
      const end = row + 1 < rows ? load<u32>(starts + (row << 2), 8) : middle;
      store<u32>(starts + (joined++ << 2), to.count);
      joinLists(authors, from.data + start * BLOCK, middle - start, from.data + middle * BLOCK, end - middle, to);
    }
    rows = joined;
    store<u32>(starts + (rows << 2), to.count);
    const swapped = from;
    from = to;
    to = swapped;
  }
  return from;
}
