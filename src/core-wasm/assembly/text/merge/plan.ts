/**
 * What joining entries (blocks and marks) into a document will do to it: blocks to add and blocks to replace. Until
 * that is known, only the document's list of authors changes, so the join can still be refused.
 */
import { allocateScratch } from '../../memory/arena';
import { Author, authorAt, Authors } from '../authors';
import { BLOCK, Block, copyBlock, firstClock, MARK, sameOrigins, sameText } from '../block';
import { blockAt, BlockList, makeList, pushBlock } from '../block-list';
import { blockSize, Document, heldBlock } from '../document';
import { joinLists, resetLost } from './join';
import { normalised } from './normalise';
import { sortBlocks } from './sort';

@unmanaged
export class Plan {
  /** Bytes that the document's blocks will have in JSON. */
  blockBytes: u64;
  /** New blocks in the order of ids. */
  additions: BlockList;
  /** New content of blocks whose indices in the document are at `replaced`. */
  replacements: BlockList;
  replaced: usize;
  /** Whether there was a mark about clusters that the document doesn't hold. */
  incomplete: bool;
}

const plan: Plan = changetype<Plan>(heap.alloc(offsetof<Plan>()));

/**
 * @param entries Blocks or marks in the order of ids, with the document's authors.
 * @param overlapping Whether ranges of one author may overlap among them.
 */
export function makePlan(document: Document, entries: BlockList, overlapping: bool, version: u32): Plan {
  plan.incomplete = false;
  plan.replaced = 0;
  resetLost();
  const from = firstTouched(document, entries);
  // Typing at the end and filling an empty document touch no existing block.
  const apart = from == document.count && !overlapping && (entries.count == 0 || !(blockAt(entries, 0).flags & MARK));
  plan.additions = apart ? entries : makeList(entries.count + 16);
  plan.replacements = makeList(16);
  if (!apart) joinByAuthor(document, entries, overlapping, from, version);
  measure(document);
  return plan;
}

/** Index of the first block of the document that can overlap any of the entries. */
function firstTouched(document: Document, entries: BlockList): u32 {
  let first: u64 = u64.MAX_VALUE;
  for (let index: u32 = 0; index < entries.count; index++) first = min(first, firstClock(blockAt(entries, index)));
  let low: u32 = 0;
  let high = document.count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (heldBlock(document, middle).clock < first) low = middle + 1;
    else high = middle;
  }
  return low;
}

function joinByAuthor(document: Document, entries: BlockList, overlapping: bool, from: u32, version: u32): void {
  const authors = document.authors;
  const touched = allocateScratch(entries.count * 4);
  const touchedCount = groupCounts(authors, entries, touched);
  const grouped = groupEntries(authors, entries, touched, touchedCount);
  const held = groupHeld(document, from, touched, touchedCount);
  const meeting = makeList(16);
  const meetingIndices = allocateScratch((document.count - from) * 4);
  plan.replaced = allocateScratch((document.count - from) * 4);
  const out = makeList(16);
  for (let index: u32 = 0; index < touchedCount; index++) {
    const author = authorAt(authors, load<u32>(touched + (index << 2)));
    let blocks = grouped + author.start * BLOCK;
    let count = author.count;
    author.count = 0;
    if (overlapping) {
      const list = normalised(authors, blocks, count);
      blocks = list.data;
      count = list.count;
    }
    collectMeeting(document, author, held, blocks, count, meeting, meetingIndices);
    out.count = 0;
    joinLists(authors, meeting.data, meeting.count, blocks, count, out);
    compareWithHeld(document, meeting, meetingIndices, out, version);
  }
  sortBlocks(authors, plan.additions);
}

/** Counts the entries of each author and lists the authors. Returns how many there are. */
function groupCounts(authors: Authors, entries: BlockList, touched: usize): u32 {
  let touchedCount: u32 = 0;
  for (let index: u32 = 0; index < entries.count; index++) {
    const name = blockAt(entries, index).author;
    const author = authorAt(authors, name);
    if (author.count++ == 0) store<u32>(touched + (touchedCount++ << 2), name);
  }
  return touchedCount;
}

/** The entries, grouped by author, ascending. */
function groupEntries(authors: Authors, entries: BlockList, touched: usize, touchedCount: u32): usize {
  let start: u32 = 0;
  for (let index: u32 = 0; index < touchedCount; index++) {
    const author = authorAt(authors, load<u32>(touched + (index << 2)));
    author.start = start;
    start += author.count;
    author.count = 0;
  }
  const grouped = allocateScratch(entries.count * BLOCK);
  for (let index: u32 = 0; index < entries.count; index++) {
    const block = blockAt(entries, index);
    const author = authorAt(authors, block.author);
    copyBlock(changetype<Block>(grouped + (author.start + author.count++) * BLOCK), block);
  }
  return grouped;
}

/** Indices of the document's blocks from an index on that are by touched authors, those of each author together. */
function groupHeld(document: Document, from: u32, touched: usize, touchedCount: u32): usize {
  const authors = document.authors;
  const count = document.count;
  for (let index: u32 = 0; index < touchedCount; index++) {
    authorAt(authors, load<u32>(touched + (index << 2))).heldCount = 0;
  }
  for (let index = from; index < count; index++) {
    const author = authorAt(authors, heldBlock(document, index).author);
    if (author.count != 0) author.heldCount++;
  }
  let start: u32 = 0;
  for (let index: u32 = 0; index < touchedCount; index++) {
    const author = authorAt(authors, load<u32>(touched + (index << 2)));
    author.heldStart = start;
    start += author.heldCount;
    author.heldCount = 0;
  }
  const held = allocateScratch(start * 4);
  for (let index = from; index < count; index++) {
    const author = authorAt(authors, heldBlock(document, index).author);
    if (author.count != 0) store<u32>(held + ((author.heldStart + author.heldCount++) << 2), index);
  }
  return held;
}

/** Copies the document's blocks that overlap any entry of the author. */
function collectMeeting(
  document: Document,
  author: Author,
  held: usize,
  entries: usize,
  count: u32,
  meeting: BlockList,
  indices: usize,
): void {
  meeting.count = 0;
  const end = entries + count * BLOCK;
  let at = entries;
  for (let index: u32 = 0; index < author.heldCount; index++) {
    const place = load<u32>(held + ((author.heldStart + index) << 2));
    const block = heldBlock(document, place);
    const first = firstClock(block);
    while (at < end && changetype<Block>(at).clock < first) at += BLOCK;
    if (at == end) break;
    if (block.clock < firstClock(changetype<Block>(at))) continue;
    store<u32>(indices + (meeting.count << 2), place);
    pushBlock(meeting, block).text = document.texts + block.text;
  }
}

/** Adds what the document lacks of a join to the plan. */
function compareWithHeld(document: Document, meeting: BlockList, indices: usize, out: BlockList, version: u32): void {
  let at: u32 = 0;
  for (let index: u32 = 0; index < out.count; index++) {
    const piece = blockAt(out, index);
    const first = firstClock(piece);
    while (at < meeting.count && blockAt(meeting, at).clock < first) at++;
    const held = at < meeting.count ? blockAt(meeting, at) : null;
    if (piece.flags & MARK) {
      plan.incomplete = true;
    } else if (!held || firstClock(held) > piece.clock) {
      pushBlock(plan.additions, piece);
    } else if (held.clock != piece.clock) {
      pushBlock(plan.additions, piece).marked = version;
    } else if (!isSame(held, piece)) {
      store<u32>(plan.replaced + (plan.replacements.count << 2), load<u32>(indices + (at << 2)));
      pushBlock(plan.replacements, piece).marked = version;
    }
  }
}

function isSame(a: Block, b: Block): bool {
  return a.count == b.count && a.flags == b.flags && sameOrigins(a, b) && sameText(a, b);
}

/** Measures the blocks in JSON. */
function measure(document: Document): void {
  const authors = document.authors;
  let bytes = document.blockBytes;
  for (let index: u32 = 0; index < plan.additions.count; index++) {
    const block = blockAt(plan.additions, index);
    if (block.size == 0) block.size = blockSize(authors, block, block.text);
    bytes += block.size;
  }
  for (let index: u32 = 0; index < plan.replacements.count; index++) {
    const block = blockAt(plan.replacements, index);
    if (block.size == 0) block.size = blockSize(authors, block, block.text);
    bytes += block.size;
    bytes -= heldBlock(document, load<u32>(plan.replaced + (index << 2))).size;
  }
  plan.blockBytes = bytes;
}
