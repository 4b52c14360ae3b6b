/** The state as clients write it. */
import { resetArena, allocateScratch } from '../../memory/arena';
import { copyBytes } from '../../memory/bytes';
import { recordAt } from '../../memory/result';
import { authorAt, Authors } from '../authors';
import { DELETED } from '../block';
import { COMMA, LEFT_BRACKET, RIGHT_BRACE } from './characters';
import { writeNumber } from './decimal';
import { Document, heldBlock, textStateSize } from '../document';
import { escapeJson, quotings, writeEscaped } from './escape';
import {
  DELETED_KEY,
  DELETED_KEY_LENGTH,
  FALSE_END,
  FALSE_END_LENGTH,
  LEFT_KEY,
  LEFT_KEY_LENGTH,
  OFFSET_KEY,
  OFFSET_KEY_LENGTH,
  OFFSET_ZERO,
  OFFSET_ZERO_LENGTH,
  PAIR_MIDDLE,
  PAIR_MIDDLE_LENGTH,
  RIGHT_KEY,
  RIGHT_KEY_LENGTH,
  STATE_CLIENT,
  STATE_CLIENT_LENGTH,
  STATE_CLOCK,
  STATE_CLOCK_LENGTH,
  STATE_END,
  STATE_END_LENGTH,
  STATE_START,
  STATE_START_LENGTH,
  TEXT_KEY,
  TEXT_KEY_LENGTH,
  TRUE_END,
  TRUE_END_LENGTH,
} from './json-parts';

/** More than what the functions that copy 16 bytes at a time write past the end. */
const SLACK: u32 = 32;
const NULL: u32 = 0x6c6c756e;

/**
 * Writes the state and puts its address and length into the result area; valid until the next call that uses scratch
 * memory.
 */
export function writeTextState(document: Document, escaped: bool): void {
  resetArena();
  const size = <u32>textStateSize(document);
  let state = allocateScratch(size + SLACK);
  let length = <u32>(writeJson(state, document) - state);
  assert(length == size);
  if (escaped) {
    const json = state;
    state = allocateScratch(length + quotings(json, length) + SLACK);
    length = <u32>(escapeJson(state, json, length) - state);
  }
  const record = recordAt(0, 8);
  store<usize>(record, state);
  store<u32>(record, length, 4);
}

function writeJson(at: usize, document: Document): usize {
  const authors = document.authors;
  const count = document.count;
  at = put(at, STATE_START, STATE_START_LENGTH);
  for (let index: u32 = 0; index < count; index++) {
    if (index > 0) store<u8>(at++, COMMA);
    at = writeBlock(at, document, authors, index);
  }
  at = writeNumber(put(at, STATE_CLOCK, STATE_CLOCK_LENGTH), document.clock);
  at = put(at, STATE_CLIENT, STATE_CLIENT_LENGTH);
  at = writeEscaped(at, document.client, document.clientLength);
  return put(at, STATE_END, STATE_END_LENGTH);
}

function writeBlock(at: usize, document: Document, authors: Authors, index: u32): usize {
  const block = heldBlock(document, index);
  store<u8>(at, LEFT_BRACKET);
  const id = at + 1;
  at = writeId(id, authors, block.author, block.clock);
  const idLength = <u32>(at - id);
  at = put(at, PAIR_MIDDLE, PAIR_MIDDLE_LENGTH);
  at = put(at, id, idLength);
  at = put(at, TEXT_KEY, TEXT_KEY_LENGTH);
  at = writeEscaped(at, document.texts + block.text, block.length);
  at = put(at, LEFT_KEY, LEFT_KEY_LENGTH);
  at = writeOrigin(at, authors, block.left, block.leftClock);
  at = put(at, RIGHT_KEY, RIGHT_KEY_LENGTH);
  at = writeOrigin(at, authors, block.right, block.rightClock);
  at = put(at, DELETED_KEY, DELETED_KEY_LENGTH);
  return block.flags & DELETED ? put(at, TRUE_END, TRUE_END_LENGTH) : put(at, FALSE_END, FALSE_END_LENGTH);
}

function writeOrigin(at: usize, authors: Authors, origin: u32, clock: u64): usize {
  if (origin != 0) return writeId(at, authors, origin - 1, clock);
  store<u32>(at, NULL);
  return at + 4;
}

function writeId(at: usize, authors: Authors, index: u32, clock: u64): usize {
  const author = authorAt(authors, index);
  at = writeNumber(put(at, author.prefix, author.prefixLength), clock);
  if (author.offset == 0) return put(at, OFFSET_ZERO, OFFSET_ZERO_LENGTH);
  at = writeNumber(put(at, OFFSET_KEY, OFFSET_KEY_LENGTH), author.offset);
  store<u8>(at, RIGHT_BRACE);
  return at + 1;
}

function put(at: usize, bytes: usize, length: u32): usize {
  copyBytes(at, bytes, length);
  return at + length;
}
