/** Which incoming blocks hold something that a document lacks. */
import { equalBytes } from '../../memory/bytes';
import { authorAt, Authors, compareAuthors, findSame, internAuthor } from '../authors';
import { Block, DELETED, firstClock, WHOLE } from '../block';
import { blockAt, BlockList, makeList, pushBlock } from '../block-list';
import { countClusters } from '../graphemes/clusters';
import { Document, heldBlock } from '../document';
import { Incoming } from './incoming';

/** Whether ranges of one author overlap among the incoming blocks. */
let overlapping: bool = false;
/** Whether the document has some incoming block deleted that the incoming state has not. */
let lagging: bool = false;

export function newBlocksOverlap(): bool {
  return overlapping;
}

export function newBlocksLag(): bool {
  return lagging;
}

/**
 * The incoming blocks that the document does not hold in the same form, with the document's authors and their clusters
 * counted. Both lists are in the order of ids, so one pass over both is enough.
 */
export function selectNew(document: Document, incoming: Incoming, version: u32): BlockList {
  const blocks = incoming.blocks;
  overlapping = false;
  lagging = false;
  findAuthors(document.authors, incoming.authors);
  // Everything is new to an empty document: no second list is needed.
  const fresh = document.count == 0;
  const newBlocks = fresh ? blocks : makeList(16);
  let held: u32 = 0;
  for (let index: u32 = 0; index < blocks.count; index++) {
    const block = blockAt(blocks, index);
    let known: Block | null = null;
    if (!fresh) known = findHeld(document, held, incoming.authors, block);
    held = place;
    if (known && isKnown(document, known, incoming.authors, block)) {
      if (known.flags & ~block.flags & DELETED) lagging = true;
      if (!(block.flags & ~known.flags & DELETED)) {
        noteRange(incoming.authors, block);
        continue;
      }
    }
    if (block.count == 0) countBlock(block);
    noteRange(incoming.authors, block);
    const added = fresh ? block : pushBlock(newBlocks, block);
    added.added = version;
    added.marked = version;
    adoptAuthors(document.authors, incoming.authors, added);
  }
  return newBlocks;
}

/** Counts the clusters. A block with more of them than its clock allows counts as one cluster and is never cut. */
function countBlock(block: Block): void {
  const count = countClusters(block.text, block.length);
  if (<u64>count > block.clock) {
    block.count = 1;
    block.flags |= WHOLE;
  } else {
    block.count = count;
  }
}

/** Sets each author's index in the document and resets its ranges. */
function findAuthors(held: Authors, authors: Authors): void {
  for (let index: u32 = 0; index < authors.count; index++) {
    const author = authorAt(authors, index);
    author.mapped = findSame(held, author);
    author.count = 0;
  }
}

/** Where the search for the next block may start. */
let place: u32 = 0;

/** The document's block with this id, or null; the search starts at an index and ends at `place`. */
function findHeld(document: Document, from: u32, authors: Authors, block: Block): Block | null {
  const count = document.count;
  const author = authorAt(authors, block.author);
  for (let index = from; index < count; index++) {
    const held = heldBlock(document, index);
    if (held.clock < block.clock) continue;
    place = index;
    if (held.clock > block.clock) return null;
    if (held.author + 1 == author.mapped) {
      place = index + 1;
      return held;
    }
    if (compareAuthors(authorAt(document.authors, held.author), author) > 0) return null;
  }
  place = count;
  return null;
}

/** Whether the document's block of the same id has the same clusters. If so the incoming one is counted, too. */
function isKnown(document: Document, held: Block, authors: Authors, block: Block): bool {
  if (held.leftClock != block.leftClock || held.rightClock != block.rightClock) return false;
  if (!isAuthor(authors, block.left, held.left) || !isAuthor(authors, block.right, held.right)) return false;
  if (!equalBytes(document.texts + held.text, held.length, block.text, block.length)) return false;
  block.count = held.count;
  block.flags |= held.flags & WHOLE;
  return true;
}

function isAuthor(authors: Authors, origin: u32, held: u32): bool {
  return origin == 0 ? held == 0 : held != 0 && authorAt(authors, origin - 1).mapped == held;
}

function noteRange(authors: Authors, block: Block): void {
  const author = authorAt(authors, block.author);
  if (author.count != 0 && firstClock(block) <= author.last) overlapping = true;
  author.count = 1;
  author.last = block.clock;
}

/** Gives the block the document's indices of its authors; unknown authors are added to the document. */
function adoptAuthors(held: Authors, authors: Authors, block: Block): void {
  block.author = adopted(held, authors, block.author);
  if (block.left != 0) block.left = adopted(held, authors, block.left - 1) + 1;
  if (block.right != 0) block.right = adopted(held, authors, block.right - 1) + 1;
}

function adopted(held: Authors, authors: Authors, index: u32): u32 {
  const author = authorAt(authors, index);
  if (author.mapped == 0) author.mapped = internAuthor(held, author.name, author.length, author.offset) + 1;
  return author.mapped - 1;
}
