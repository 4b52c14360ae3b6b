/**
 * A text: its blocks in one growing memory block, in ascending order of ids; their texts, concatenated, in another.
 * Blocks are cut and marked but never removed.
 */
import { allocate, footprint, release } from '../memory/blocks';
import { copyBytes } from '../memory/bytes';
import { Authors, authorAt, freeAuthors, makeAuthors } from './authors';
import { BLOCK, Block, DELETED } from './block';
import { digits } from './json/decimal';
import { escapedLength } from './json/escape';
import {
  DELETED_KEY_LENGTH,
  FALSE_END_LENGTH,
  LEFT_KEY_LENGTH,
  PAIR_MIDDLE_LENGTH,
  RIGHT_KEY_LENGTH,
  STATE_CLIENT_LENGTH,
  STATE_CLOCK_LENGTH,
  STATE_END_LENGTH,
  STATE_START_LENGTH,
  TEXT_KEY_LENGTH,
  TRUE_END_LENGTH,
} from './json/json-parts';

@unmanaged
export class Document {
  clock: u64;
  /** Bytes of all blocks in JSON, without commas. */
  blockBytes: u64;
  /** Block of `capacity` blocks, of which `count` are in use. */
  blocks: usize;
  count: u32;
  capacity: u32;
  /** Block of `textCapacity` bytes, of which `textUsed` are in use and `textLive` belong to some block. */
  texts: usize;
  textUsed: u32;
  textCapacity: u32;
  textLive: u32;
  authors: Authors;
  version: u32;
  /** The id in the state; none (0) before the first merge. */
  client: usize;
  clientLength: u32;
  /** Number of visible clusters in version `visibleVersion`; counted on demand. */
  visible: u32;
  visibleVersion: u32;
}

/** `[`, and what is between the ids, the texts and the origins. */
const FIXED: u32 = 1 + PAIR_MIDDLE_LENGTH + TEXT_KEY_LENGTH + LEFT_KEY_LENGTH + RIGHT_KEY_LENGTH + DELETED_KEY_LENGTH;
const NULL_LENGTH: u32 = 4;
const NEVER: u32 = 0xffffffff;

export function openText(): Document {
  const document = changetype<Document>(allocate(offsetof<Document>()));
  memory.fill(changetype<usize>(document), 0, offsetof<Document>());
  document.authors = makeAuthors();
  document.visibleVersion = NEVER;
  return document;
}

export function closeText(document: Document): void {
  if (document.capacity != 0) release(document.blocks);
  if (document.textCapacity != 0) release(document.texts);
  if (document.client != 0) release(document.client);
  freeAuthors(document.authors);
  release(changetype<usize>(document));
}

export function textVersion(document: Document): f64 {
  return document.version;
}

export function textClock(document: Document): f64 {
  return <f64>document.clock;
}

export function textBlockCount(document: Document): u32 {
  return document.count;
}

export function textByteSize(document: Document): f64 {
  let bytes = footprint(offsetof<Document>()) + document.authors.bytes;
  if (document.capacity != 0) bytes += footprint(document.capacity * BLOCK);
  if (document.textCapacity != 0) bytes += footprint(document.textCapacity);
  if (document.client != 0) bytes += footprint(max(document.clientLength, 1));
  return bytes;
}

/** Bytes of the state in JSON. */
export function textStateSize(document: Document): f64 {
  return <f64>stateSize(document, document.count, document.blockBytes, document.clock);
}

/** Bytes of the state in JSON with the given number of blocks, their total size and the given clock. */
export function stateSize(document: Document, count: u32, blockBytes: u64, clock: u64): u64 {
  const commas: u64 = count == 0 ? 0 : count - 1;
  const client = escapedLength(document.client, document.clientLength);
  const fixed = STATE_START_LENGTH + STATE_CLOCK_LENGTH + STATE_CLIENT_LENGTH + STATE_END_LENGTH;
  return blockBytes + commas + fixed + digits(clock) + client;
}

export function heldBlock(document: Document, index: u32): Block {
  return changetype<Block>(document.blocks + index * BLOCK);
}

/** Sets the client id if the document has none yet. */
export function adoptClient(document: Document, client: usize, length: u32): void {
  if (document.client != 0 || client == 0) return;
  document.client = allocate(max(length, 1));
  document.clientLength = length;
  copyBytes(document.client, client, length);
}

/** Removes the client id. */
export function dropClient(document: Document): void {
  release(document.client);
  document.client = 0;
  document.clientLength = 0;
}

/** Bytes of a block in JSON, whose text lies at `text`. */
export function blockSize(authors: Authors, block: Block, text: usize): u32 {
  return (
    FIXED +
    2 * idSize(authors, block.author, block.clock) +
    escapedLength(text, block.length) +
    originSize(authors, block.left, block.leftClock) +
    originSize(authors, block.right, block.rightClock) +
    (block.flags & DELETED ? TRUE_END_LENGTH : FALSE_END_LENGTH)
  );
}

function originSize(authors: Authors, origin: u32, clock: u64): u32 {
  return origin == 0 ? NULL_LENGTH : idSize(authors, origin - 1, clock);
}

function idSize(authors: Authors, author: u32, clock: u64): u32 {
  return authorAt(authors, author).idLength + digits(clock);
}
