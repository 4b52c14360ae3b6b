/**
 * What changed in a document since a version, in bytes:
 *
 *     format · clock · client id · number of names, names with offsets · number of blocks, blocks · number of marks, marks
 *
 * Numbers are varints, strings are prefixed with their length. Names are those that the entries use, in the order of their
 * first use. Clocks are deltas: a block's or mark's from the one before it, its origins' from its own.
 */
import { resetArena, allocateScratch } from '../../memory/arena';
import { copyBytes } from '../../memory/bytes';
import { recordAt } from '../../memory/result';
import { authorAt, Authors } from '../authors';
import { Block, DELETED } from '../block';
import { Document, heldBlock } from '../document';
import { MOST_BYTES, writeVarint } from './varint';

export const FORMAT: u32 = 1;

/** Flags of an entry besides `DELETED`. */
export const HAS_LEFT: u32 = 2;
export const HAS_RIGHT: u32 = 4;
/** Origin clocks above the block's, which no client writes: they are written as they are, not as deltas. */
export const LEFT_ABOVE: u32 = 8;
export const RIGHT_ABOVE: u32 = 16;
export const ANY_FLAG: u32 = 31;

/** Most bytes of an entry without its text: seven numbers and the flags. */
const ENTRY: u32 = 7 * MOST_BYTES + 1;

/** Writes the changes and puts their address and length into the result area; valid as long as a state is. */
export function writeChanges(document: Document, since: f64): void {
  resetArena();
  const selected = select(document, since);
  const bytes = allocateScratch(selected);
  let at = bytes;
  store<u8>(at++, FORMAT);
  at = writeVarint(at, document.clock);
  // The length plus one, so that a missing id differs from an empty one.
  at = writeVarint(at, document.client == 0 ? 0 : document.clientLength + 1);
  copyBytes(at, document.client, document.clientLength);
  at += document.clientLength;
  at = writeVarint(at, names);
  const authors = document.authors;
  for (let index: u32 = 0; index < names; index++) {
    const author = authorAt(authors, load<u32>(nameList + (index << 2)));
    at = writeVarint(writeBytes(at, author.name, author.length), author.offset);
    // From now on its index in the list, no longer the flag that it is listed.
    author.mapped = index;
  }
  at = writeEntries(at, document, added, addedCount, true);
  at = writeEntries(at, document, marked, markedCount, false);
  const record = recordAt(0, 8);
  store<usize>(record, bytes);
  store<u32>(record, <u32>(at - bytes), 4);
}

/** Indices of the blocks to write, and of the authors that they refer to. */
let added: usize = 0;
let addedCount: u32 = 0;
let marked: usize = 0;
let markedCount: u32 = 0;
let nameList: usize = 0;
let names: u32 = 0;
let nameBytes: u32 = 0;

/** Finds what is to be written. Returns how many bytes that takes at most. */
function select(document: Document, since: f64): u32 {
  const authors = document.authors;
  const count = document.count;
  for (let index: u32 = 0; index < authors.count; index++) authorAt(authors, index).mapped = 0;
  const known = <u32>max(min(since, <f64>u32.MAX_VALUE), 0);
  addedCount = 0;
  markedCount = 0;
  for (let index: u32 = 0; index < count; index++) {
    const block = heldBlock(document, index);
    if (block.added > known) addedCount++;
    else if (block.marked > known) markedCount++;
  }
  added = allocateScratch(addedCount * 4);
  marked = allocateScratch(markedCount * 4);
  nameList = allocateScratch(authors.count * 4);
  names = 0;
  nameBytes = 0;
  let addedSeen: u32 = 0;
  let markedSeen: u32 = 0;
  let textBytes: u32 = 0;
  for (let index: u32 = 0; addedSeen + markedSeen < addedCount + markedCount; index++) {
    const block = heldBlock(document, index);
    if (block.added > known) {
      store<u32>(added + (addedSeen++ << 2), index);
      textBytes += block.length;
      if (block.left != 0) useName(authors, block.left - 1);
      if (block.right != 0) useName(authors, block.right - 1);
    } else if (block.marked > known) {
      store<u32>(marked + (markedSeen++ << 2), index);
    } else {
      continue;
    }
    useName(authors, block.author);
  }
  return 8 * MOST_BYTES + document.clientLength + nameBytes + textBytes + (addedCount + markedCount) * ENTRY;
}

function useName(authors: Authors, index: u32): void {
  const author = authorAt(authors, index);
  if (author.mapped != 0) return;
  store<u32>(nameList + (names++ << 2), index);
  author.mapped = names;
  nameBytes += author.length + 2 * MOST_BYTES;
}

function writeEntries(at: usize, document: Document, list: usize, count: u32, full: bool): usize {
  const authors = document.authors;
  at = writeVarint(at, count);
  let before: u64 = 0;
  for (let index: u32 = 0; index < count; index++) {
    const block = heldBlock(document, load<u32>(list + (index << 2)));
    at = writeVarint(at, authorAt(authors, block.author).mapped);
    at = writeVarint(at, block.clock - before);
    before = block.clock;
    if (full) {
      at = writeBlock(at, document, authors, block);
    } else {
      store<u8>(at++, block.flags & DELETED);
      at = writeVarint(at, block.count);
    }
  }
  return at;
}

function writeBlock(at: usize, document: Document, authors: Authors, block: Block): usize {
  const leftAbove = block.leftClock > block.clock;
  const rightAbove = block.rightClock > block.clock;
  let flags = block.flags & DELETED;
  if (block.left != 0) flags |= leftAbove ? HAS_LEFT | LEFT_ABOVE : HAS_LEFT;
  if (block.right != 0) flags |= rightAbove ? HAS_RIGHT | RIGHT_ABOVE : HAS_RIGHT;
  store<u8>(at++, flags);
  if (block.left != 0) {
    at = writeVarint(at, authorAt(authors, block.left - 1).mapped);
    at = writeVarint(at, leftAbove ? block.leftClock : block.clock - block.leftClock);
  }
  if (block.right != 0) {
    at = writeVarint(at, authorAt(authors, block.right - 1).mapped);
    at = writeVarint(at, rightAbove ? block.rightClock : block.clock - block.rightClock);
  }
  return writeBytes(at, document.texts + block.text, block.length);
}

function writeBytes(at: usize, bytes: usize, length: u32): usize {
  at = writeVarint(at, length);
  copyBytes(at, bytes, length);
  return at + length;
}
