/** Brings blocks into the form that the merge expects: ascending, each id once, no empty blocks, no offsets. */
import { authorAt } from '../authors';
import { Block, copyBlock } from '../block';
import { blockAt } from '../block-list';
import { Incoming } from './incoming';
import { sortBlocks } from './sort';

export function arrange(incoming: Incoming): void {
  if (incoming.sorted && !incoming.empties && !incoming.offsets) return;
  const blocks = incoming.blocks;
  const authors = incoming.authors;
  if (!incoming.sorted) sortBlocks(authors, blocks);
  let kept: u32 = 0;
  // Blocks that a later one with the same id replaces don't count.
  incoming.empties = false;
  incoming.offsets = false;
  for (let index: u32 = 0; index < blocks.count; index++) {
    const block = blockAt(blocks, index);
    // Of blocks with the same id the last one counts, even if it is empty.
    if (index + 1 < blocks.count && sameId(block, blockAt(blocks, index + 1))) continue;
    if (block.length == 0) {
      incoming.empties = true;
      continue;
    }
    if (authorAt(authors, block.author).base != block.author) incoming.offsets = true;
    copyBlock(blockAt(blocks, kept++), block);
  }
  blocks.count = kept;
  if (!incoming.offsets) return;
  for (let index: u32 = 0; index < kept; index++) {
    const block = blockAt(blocks, index);
    const base = authorAt(authors, block.author).base;
    if (base == block.author) continue;
    block.author = base;
    block.size = 0;
  }
}

function sameId(a: Block, b: Block): bool {
  return a.clock == b.clock && a.author == b.author;
}
