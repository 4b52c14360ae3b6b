/** Carrying out a plan. */
import { allocate, release } from '../../memory/blocks';
import { copyBytes } from '../../memory/bytes';
import { Authors, authorAt, freeAuthors, internAuthor, makeAuthors } from '../authors';
import { BLOCK, copyBlock } from '../block';
import { blockAt, BlockList } from '../block-list';
import { Document, heldBlock } from '../document';
import { Plan } from './plan';
import { compareIds } from './sort';

/** Bytes of unused text that are tolerated before the texts are compacted. */
const LOOSE: u32 = 4096;

export function commit(document: Document, plan: Plan): void {
  copyTexts(document, plan);
  const replacements = plan.replacements;
  for (let index: u32 = 0; index < replacements.count; index++) {
    const held = heldBlock(document, load<u32>(plan.replaced + (index << 2)));
    const block = blockAt(replacements, index);
    document.textLive += block.length - held.length;
    copyBlock(held, block);
  }
  const additions = plan.additions;
  for (let index: u32 = 0; index < additions.count; index++) document.textLive += blockAt(additions, index).length;
  insertBlocks(document, additions);
  document.blockBytes = plan.blockBytes;
  if (document.textUsed - document.textLive > document.textLive / 4 + LOOSE) moveTextsTogether(document);
  if (document.authors.count > document.count * 6 + LOOSE / BLOCK) dropUnusedAuthors(document);
}

/** Turns the addresses of texts into offsets; texts from outside the document are copied into it. */
function copyTexts(document: Document, plan: Plan): void {
  const additions = plan.additions;
  const replacements = plan.replacements;
  const needed = outsideBytes(document, additions) + outsideBytes(document, replacements);
  const before = document.texts;
  const used = document.textUsed;
  if (document.textCapacity - used < needed) {
    const capacity = used + needed + ((used + needed) >>> 3) + 12;
    document.texts = document.textCapacity == 0 ? allocate(capacity) : heap.realloc(before, capacity);
    document.textCapacity = capacity;
  }
  placeTexts(document, additions, before, used);
  placeTexts(document, replacements, before, used);
}

function outsideBytes(document: Document, list: BlockList): u32 {
  let bytes: u32 = 0;
  for (let index: u32 = 0; index < list.count; index++) {
    const block = blockAt(list, index);
    if (block.text - document.texts >= document.textUsed) bytes += block.length;
  }
  return bytes;
}

function placeTexts(document: Document, list: BlockList, before: usize, used: u32): void {
  for (let index: u32 = 0; index < list.count; index++) {
    const block = blockAt(list, index);
    if (block.text - before < used) {
      block.text -= before;
    } else {
      copyBytes(document.texts + document.textUsed, block.text, block.length);
      block.text = document.textUsed;
      document.textUsed += block.length;
    }
  }
}

/** Merges the list into the blocks, from the end on, so that nothing moves twice. */
function insertBlocks(document: Document, list: BlockList): void {
  if (list.count == 0) return;
  const count = document.count + list.count;
  if (count > document.capacity) {
    const capacity = count + (count >>> 3) + 1;
    const size = capacity * BLOCK;
    document.blocks = document.capacity == 0 ? allocate(size) : heap.realloc(document.blocks, size);
    document.capacity = capacity;
  }
  let held = document.count;
  let added = list.count;
  document.count = count;
  while (added > 0) {
    const block = blockAt(list, added - 1);
    // All the document's blocks that come after it move at once.
    let low: u32 = 0;
    let high = held;
    if (held > 0 && compareIds(document.authors, heldBlock(document, held - 1), block) < 0) low = held;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareIds(document.authors, heldBlock(document, middle), block) < 0) low = middle + 1;
      else high = middle;
    }
    const moved = held - low;
    if (moved == 1) copyBlock(heldBlock(document, low + added), heldBlock(document, low));
    else if (moved != 0)
      memory.copy(document.blocks + (low + added) * BLOCK, document.blocks + low * BLOCK, moved * BLOCK);
    held = low;
    added--;
    copyBlock(heldBlock(document, held + added), block);
  }
}

/** Lets go of texts that lost a conflict. */
function moveTextsTogether(document: Document): void {
  const capacity = document.textLive + (document.textLive >>> 3) + 12;
  const texts = allocate(capacity);
  let used: u32 = 0;
  for (let index: u32 = 0; index < document.count; index++) {
    const block = heldBlock(document, index);
    copyBytes(texts + used, document.texts + block.text, block.length);
    block.text = used;
    used += block.length;
  }
  release(document.texts);
  document.texts = texts;
  document.textCapacity = capacity;
  document.textUsed = used;
}

/** Lets go of authors whom only origins named that lost a conflict. */
function dropUnusedAuthors(document: Document): void {
  const before = document.authors;
  const authors = makeAuthors();
  for (let index: u32 = 0; index < before.count; index++) authorAt(before, index).mapped = 0;
  for (let index: u32 = 0; index < document.count; index++) {
    const block = heldBlock(document, index);
    block.author = moved(authors, before, block.author);
    if (block.left != 0) block.left = moved(authors, before, block.left - 1) + 1;
    if (block.right != 0) block.right = moved(authors, before, block.right - 1) + 1;
  }
  document.authors = authors;
  freeAuthors(before);
}

function moved(authors: Authors, before: Authors, index: u32): u32 {
  const author = authorAt(before, index);
  if (author.mapped == 0) author.mapped = internAuthor(authors, author.name, author.length, author.offset) + 1;
  return author.mapped - 1;
}
