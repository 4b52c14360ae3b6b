/** Reads what `write-changes.ts` writes. It may come from a damaged file, so everything is checked. */
import { allocateScratch } from '../../memory/arena';
import { authorAt, internAuthor } from '../authors';
import { Block, DELETED, MARK } from '../block';
import { addBlock, BlockList } from '../block-list';
import { Incoming } from '../merge/incoming';
import { isUtf8 } from '../json/scan';
import { readVarint, varintRead } from './varint';
import { ANY_FLAG, FORMAT, HAS_LEFT, HAS_RIGHT, LEFT_ABOVE, RIGHT_ABOVE } from './write-changes';
import { MOST } from '../json/decimal';

let end: usize = 0;
/** Index among the incoming authors of each name. */
let nameList: usize = 0;
let names: u32 = 0;

/** Adds blocks and marks to what is incoming. Returns whether the bytes are changes. */
export function readChanges(bytes: usize, length: u32, incoming: Incoming, marks: BlockList): bool {
  end = bytes + length;
  if (length == 0 || load<u8>(bytes) != FORMAT) return false;
  let at = readVarint(bytes + 1, end);
  if (at == 0) return false;
  incoming.clock = max(incoming.clock, varintRead());
  at = readClient(at, incoming);
  if (at == 0) return false;
  at = readNames(at, incoming);
  if (at == 0) return false;
  at = readEntries(at, incoming, null);
  if (at == 0) return false;
  return readEntries(at, incoming, marks) == end;
}

/** The first client id counts, as it does when states are merged. */
function readClient(at: usize, incoming: Incoming): usize {
  at = readVarint(at, end);
  if (at == 0 || varintRead() == 0) return at;
  const length = varintRead() - 1;
  if (length > end - at || !isUtf8(at, <u32>length)) return 0;
  if (incoming.client == 0) {
    incoming.client = at;
    incoming.clientLength = <u32>length;
  }
  return at + <u32>length;
}

function readNames(at: usize, incoming: Incoming): usize {
  at = readCount(at);
  if (at == 0) return 0;
  names = <u32>varintRead();
  nameList = allocateScratch(names * 4);
  for (let index: u32 = 0; index < names; index++) {
    at = readText(at);
    if (at == 0) return 0;
    const name = text;
    const length = textLength;
    at = readVarint(at, end);
    if (at == 0) return 0;
    store<u32>(nameList + (index << 2), internAuthor(incoming.authors, name, length, varintRead()));
  }
  return at;
}

/** Reads the number of the items that follow, each of at least one byte. */
function readCount(at: usize): usize {
  at = readVarint(at, end);
  return at == 0 || varintRead() > end - at ? 0 : at;
}

let text: usize = 0;
let textLength: u32 = 0;

function readText(at: usize): usize {
  at = readCount(at);
  if (at == 0) return 0;
  text = at;
  textLength = <u32>varintRead();
  return isUtf8(text, textLength) ? at + textLength : 0;
}

function readEntries(at: usize, incoming: Incoming, marks: BlockList | null): usize {
  at = readCount(at);
  if (at == 0) return 0;
  const count = <u32>varintRead();
  let clock: u64 = 0;
  for (let index: u32 = 0; index < count; index++) {
    at = readName(at);
    if (at == 0) return 0;
    const author = name;
    // Ids of blocks are kept without offset.
    if (authorAt(incoming.authors, author).base != author) return 0;
    at = readVarint(at, end);
    if (at == 0 || at == end) return 0;
    clock += varintRead();
    if (clock > MOST) return 0;
    incoming.clock = max(incoming.clock, clock);
    const flags: u32 = load<u8>(at++);
    if (flags > ANY_FLAG) return 0;
    const block = addBlock(marks ? marks : incoming.blocks);
    memory.fill(changetype<usize>(block), 0, offsetof<Block>());
    block.author = author;
    block.clock = clock;
    block.flags = flags & DELETED;
    at = marks ? readMark(at, block) : readBlock(at, block, flags);
    if (at == 0) return 0;
  }
  return at;
}

function readMark(at: usize, block: Block): usize {
  at = readVarint(at, end);
  if (at == 0) return 0;
  const count = varintRead();
  // One at clock 0 can only be a block that is never cut.
  if (count == 0 || count > max<u64>(block.clock, 1) || count > u32.MAX_VALUE) return 0;
  block.count = <u32>count;
  block.flags |= MARK;
  return at;
}

function readBlock(at: usize, block: Block, flags: u32): usize {
  if (flags & HAS_LEFT) {
    at = readOrigin(at, block, (flags & LEFT_ABOVE) != 0);
    if (at == 0) return 0;
    block.left = name + 1;
    block.leftClock = originClock;
  }
  if (flags & HAS_RIGHT) {
    at = readOrigin(at, block, (flags & RIGHT_ABOVE) != 0);
    if (at == 0) return 0;
    block.right = name + 1;
    block.rightClock = originClock;
  }
  at = readText(at);
  if (at == 0 || textLength == 0) return 0;
  block.text = text;
  block.length = textLength;
  return at;
}

let originClock: u64 = 0;

function readOrigin(at: usize, block: Block, above: bool): usize {
  at = readName(at);
  if (at == 0) return 0;
  at = readVarint(at, end);
  if (at == 0) return 0;
  originClock = varintRead();
  if (above) return at;
  if (originClock > block.clock) return 0;
  originClock = block.clock - originClock;
  return at;
}

/** Index of the author read last. */
let name: u32 = 0;

function readName(at: usize): usize {
  at = readVarint(at, end);
  if (at == 0 || varintRead() >= names) return 0;
  name = load<u32>(nameList + ((<u32>varintRead()) << 2));
  return at;
}
