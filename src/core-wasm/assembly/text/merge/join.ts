/**
 * The join of two lists of one author's blocks: their finest common refinement. Each list ascends and its
 * blocks don't overlap; one sweep covers both, and only blocks that are cut cost more than a few comparisons.
 */
import { Authors } from '../authors';
import { BLOCK, Block, copyBlock, DELETED, firstClock, MARK, sameOrigins } from '../block';
import { addBlock, BlockList, pushBlock } from '../block-list';
import { clustersLength } from '../graphemes/clusters';
import { settle } from './conflict';
import { equalBytes } from '../../memory/bytes';

/** The remainders of the two blocks that are being cut. */
const x: Block = changetype<Block>(heap.alloc(BLOCK));
const y: Block = changetype<Block>(heap.alloc(BLOCK));

/** Whether the join differs from the second list. */
let lost: bool = false;

export function resetLost(): void {
  lost = false;
}

export function secondLost(): bool {
  return lost;
}

/** Adds the join of `aCount` blocks at `a` and `bCount` at `b` to a list in which neither lies. */
export function joinLists(authors: Authors, a: usize, aCount: u32, b: usize, bCount: u32, out: BlockList): void {
  const aEnd = a + aCount * BLOCK;
  const bEnd = b + bCount * BLOCK;
  let hasX = a < aEnd;
  let hasY = b < bEnd;
  if (hasX) copyBlock(x, changetype<Block>(a));
  if (hasY) copyBlock(y, changetype<Block>(b));
  while (hasX && hasY) {
    const xFirst = firstClock(x);
    const yFirst = firstClock(y);
    if (x.clock < yFirst) {
      pushBlock(out, x);
      x.count = 0;
    } else if (y.clock < xFirst) {
      pushBlock(out, y);
      y.count = 0;
    } else if (xFirst < yFirst) {
      pushFront(out, x, <u32>(yFirst - xFirst));
    } else if (yFirst < xFirst) {
      pushFront(out, y, <u32>(xFirst - yFirst));
    } else {
      pushBoth(authors, out, min(x.count, y.count));
    }
    if (x.count == 0) {
      a += BLOCK;
      hasX = a < aEnd;
      if (hasX) copyBlock(x, changetype<Block>(a));
    }
    if (y.count == 0) {
      b += BLOCK;
      hasY = b < bEnd;
      if (hasY) copyBlock(y, changetype<Block>(b));
    }
  }
  if (hasX) pushRest(out, x, a + BLOCK, aEnd);
  if (hasY) pushRest(out, y, b + BLOCK, bEnd);
}

function pushRest(out: BlockList, first: Block, at: usize, end: usize): void {
  pushBlock(out, first);
  for (; at < end; at += BLOCK) pushBlock(out, changetype<Block>(at));
}

/** Bytes of the first clusters of a block. */
function frontLength(block: Block, count: u32): u32 {
  if (count == block.count) return block.length;
  // As many bytes as clusters, or a mark, which has neither.
  if (block.length == block.count || block.length == 0) return min(count, block.length);
  return clustersLength(block.text, block.length, count);
}

function dropFront(block: Block, count: u32, length: u32): void {
  block.text += length;
  block.length -= length;
  block.count -= count;
  block.size = 0;
}

/** Cuts the first clusters off and adds them. */
function pushFront(out: BlockList, block: Block, count: u32): void {
  const length = frontLength(block, count);
  pushPiece(out, block, count, length);
  dropFront(block, count, length);
}

function pushPiece(out: BlockList, block: Block, count: u32, length: u32): Block {
  const piece = addBlock(out);
  copyBlock(piece, block);
  if (count != block.count) {
    piece.clock = firstClock(block) + count - 1;
    piece.count = count;
    piece.length = length;
    piece.size = 0;
  }
  return piece;
}

/** Cuts the same first clusters off both, and adds their join. */
function pushBoth(authors: Authors, out: BlockList, count: u32): void {
  const xLength = frontLength(x, count);
  const yLength = frontLength(y, count);
  const deleted = (x.flags | y.flags) & DELETED;
  if ((y.flags & DELETED) != deleted) lost = true;
  if ((x.flags | y.flags) & MARK) {
    const source = x.flags & MARK ? y : x;
    markDeleted(pushPiece(out, source, count, source == x ? xLength : yLength), deleted);
  } else if (sameOrigins(x, y) && equalBytes(x.text, xLength, y.text, yLength)) {
    const piece = pushPiece(out, x, count, xLength);
    piece.added = min(x.added, y.added);
    markDeleted(piece, deleted);
  } else if (settle(authors, out, x, xLength, y, yLength, count, deleted)) {
    lost = true;
  }
  dropFront(x, count, xLength);
  dropFront(y, count, yLength);
}

function markDeleted(piece: Block, deleted: u32): void {
  if ((piece.flags & DELETED) == deleted) return;
  piece.flags |= DELETED;
  piece.size = 0;
}
