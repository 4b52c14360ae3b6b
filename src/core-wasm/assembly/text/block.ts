/**
 * A block: a run of clusters of one author, or a piece of one. The same record serves in documents, where `text` is an
 * offset into the document's texts, and in scratch memory, where it is an address.
 */
import { equalBytes } from '../memory/bytes';

@unmanaged
export class Block {
  /** Clock of the last cluster. */
  clock: u64;
  leftClock: u64;
  rightClock: u64;
  /** Index of the author. */
  author: u32;
  /** Index of the origin's author + 1; 0 and a clock of 0 without an origin. */
  left: u32;
  right: u32;
  text: usize;
  /** Bytes of the text. */
  length: u32;
  /** How many clocks the block covers; 0 while its clusters have not been counted. */
  count: u32;
  flags: u32;
  /** Bytes of the block in the state's JSON; 0 while unknown. */
  size: u32;
  /** Version of the document with which the clusters came. */
  added: u32;
  /** Version with which the block was last cut or deleted. */
  marked: u32;
}

export const BLOCK: u32 = 64;

export const DELETED: u32 = 1;
/** More clusters than the clock allows for: the block counts as one cluster and is never cut. */
export const WHOLE: u32 = 2;
/** Not a block but a mark: only where a block begins and ends, and whether it is deleted. It has no text. */
export const MARK: u32 = 4;

/** Clock of the first cluster. */
export function firstClock(block: Block): u64 {
  return block.clock + 1 - block.count;
}

export function sameOrigins(a: Block, b: Block): bool {
  return a.leftClock == b.leftClock && a.left == b.left && a.rightClock == b.rightClock && a.right == b.right;
}

export function sameText(a: Block, b: Block): bool {
  return equalBytes(a.text, a.length, b.text, b.length);
}

export function copyBlock(target: Block, source: Block): void {
  const to = changetype<usize>(target);
  const from = changetype<usize>(source);
  v128.store(to, v128.load(from));
  v128.store(to, v128.load(from, 16), 16);
  v128.store(to, v128.load(from, 32), 32);
  v128.store(to, v128.load(from, 48), 48);
}
