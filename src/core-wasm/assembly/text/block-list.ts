/** A growing list of blocks in scratch memory. */
import { allocateScratch } from '../memory/arena';
import { BLOCK, Block, copyBlock } from './block';

@unmanaged
export class BlockList {
  data: usize;
  count: u32;
  capacity: u32;
}

export function makeList(capacity: u32): BlockList {
  const list = changetype<BlockList>(allocateScratch(offsetof<BlockList>()));
  list.data = allocateScratch(capacity * BLOCK);
  list.count = 0;
  list.capacity = capacity;
  return list;
}

export function blockAt(list: BlockList, index: u32): Block {
  return changetype<Block>(list.data + index * BLOCK);
}

/** Adds a block, its content undefined. Earlier references to blocks of the list are invalid: the list may grow. */
export function addBlock(list: BlockList): Block {
  if (list.count == list.capacity) grow(list);
  return blockAt(list, list.count++);
}

/** Adds a copy of a block that doesn't lie in this list. */
export function pushBlock(list: BlockList, block: Block): Block {
  const added = addBlock(list);
  copyBlock(added, block);
  return added;
}

function grow(list: BlockList): void {
  const data = allocateScratch(list.capacity * 2 * BLOCK);
  memory.copy(data, list.data, list.count * BLOCK);
  list.data = data;
  list.capacity *= 2;
}
