/** Reading ids and blocks in any order of keys, with white space and unknown keys, as clients' readers do. */
import { equalBytes } from '../../memory/bytes';
import { internAuthor } from '../authors';
import { DELETED } from '../block';
import { addBlock } from '../block-list';
import { COMMA, LEFT_BRACE, LEFT_BRACKET, QUOTE, RIGHT_BRACE, RIGHT_BRACKET } from './characters';
import { numberRead, readNumber } from './decimal';
import { Incoming } from '../merge/incoming';
import {
  KEY_CLIENT_ID,
  KEY_CLIENT_ID_LENGTH,
  KEY_CLOCK,
  KEY_CLOCK_LENGTH,
  KEY_DELETED,
  KEY_DELETED_LENGTH,
  KEY_ID,
  KEY_ID_LENGTH,
  KEY_LEFT,
  KEY_LEFT_LENGTH,
  KEY_OFFSET,
  KEY_OFFSET_LENGTH,
  KEY_RIGHT,
  KEY_RIGHT_LENGTH,
  KEY_TEXT,
  KEY_TEXT_LENGTH,
} from './json-parts';
import { idAuthor, idClock, setId } from './read-id';
import { nextMember, readKey, skipSpace, skipValue, skipWord } from './read-json';
import { readString, stringLength, stringText } from './read-string';

const TRUE: u32 = 0x65757274;
const NULL: u32 = 0x6c6c756e;

/** Whether the string read last is this key. */
export function isKey(key: usize, length: u32): bool {
  return equalBytes(stringText(), stringLength(), key, length);
}

/** Reads a pair and adds the block. Returns the address after it, or 0. */
export function readAnyBlock(at: usize, incoming: Incoming): usize {
  if (load<u8>(at) != LEFT_BRACKET) return 0;
  at = readAnyId(skipSpace(at + 1), incoming);
  if (at == 0) return 0;
  const author = idAuthor();
  const clock = idClock();
  at = skipSpace(at);
  if (load<u8>(at) != COMMA) return 0;
  at = readMembers(skipSpace(at + 1), incoming);
  if (at == 0) return 0;
  at = skipSpace(at);
  if (load<u8>(at) != RIGHT_BRACKET) return 0;

  const block = addBlock(incoming.blocks);
  block.clock = clock;
  block.leftClock = leftClock;
  block.rightClock = rightClock;
  block.author = author;
  block.left = left;
  block.right = right;
  block.text = text;
  block.length = length;
  block.count = 0;
  block.flags = flags;
  block.size = 0;
  block.added = 0;
  block.marked = 0;
  return at + 1;
}

/** What the block read last has, its id aside: that of the pair counts. */
let text: usize = 0;
let length: u32 = 0;
let left: u32 = 0;
let leftClock: u64 = 0;
let right: u32 = 0;
let rightClock: u64 = 0;
let flags: u32 = 0;

/** One bit for each key seen: clients' readers refuse keys that come twice. */
const SEEN_TEXT: u32 = 1;
const SEEN_LEFT: u32 = 2;
const SEEN_RIGHT: u32 = 4;
const SEEN_DELETED: u32 = 8;
const SEEN_ID: u32 = 16;

function readMembers(at: usize, incoming: Incoming): usize {
  text = at;
  length = 0;
  left = 0;
  leftClock = 0;
  right = 0;
  rightClock = 0;
  flags = 0;
  if (load<u8>(at) != LEFT_BRACE) return 0;
  at = skipSpace(at + 1);
  let seen: u32 = 0;
  while (load<u8>(at) != RIGHT_BRACE) {
    at = readKey(at);
    if (at == 0) return 0;
    let key: u32 = 0;
    if (isKey(KEY_TEXT, KEY_TEXT_LENGTH)) {
      key = SEEN_TEXT;
      at = load<u8>(at) == QUOTE ? readString(at + 1) : 0;
      text = stringText();
      length = stringLength();
    } else if (isKey(KEY_LEFT, KEY_LEFT_LENGTH)) {
      key = SEEN_LEFT;
      at = readOrigin(at, incoming);
      left = origin;
      leftClock = originClock;
    } else if (isKey(KEY_RIGHT, KEY_RIGHT_LENGTH)) {
      key = SEEN_RIGHT;
      at = readOrigin(at, incoming);
      right = origin;
      rightClock = originClock;
    } else if (isKey(KEY_DELETED, KEY_DELETED_LENGTH)) {
      key = SEEN_DELETED;
      const word = load<u32>(at);
      flags = word == TRUE ? DELETED : 0;
      at = word == NULL ? 0 : skipWord(at);
    } else if (isKey(KEY_ID, KEY_ID_LENGTH)) {
      key = SEEN_ID;
      at = readAnyId(at, incoming);
    } else {
      at = skipValue(at);
    }
    if (at == 0 || (seen & key) != 0) return 0;
    seen |= key;
    at = nextMember(at);
    if (at == 0) return 0;
  }
  return at + 1;
}

/** The origin read last: index of its author + 1 and its clock, both 0 for null. */
let origin: u32 = 0;
let originClock: u64 = 0;

function readOrigin(at: usize, incoming: Incoming): usize {
  origin = 0;
  originClock = 0;
  if (load<u32>(at) == NULL) return at + 4;
  at = readAnyId(at, incoming);
  origin = idAuthor() + 1;
  originClock = idClock();
  return at;
}

const SEEN_CLIENT: u32 = 1;
const SEEN_CLOCK: u32 = 2;
const SEEN_OFFSET: u32 = 4;
const SEEN_ALL: u32 = 7;

function readAnyId(at: usize, incoming: Incoming): usize {
  if (load<u8>(at) != LEFT_BRACE) return 0;
  at = skipSpace(at + 1);
  let name: usize = 0;
  let nameLength: u32 = 0;
  let clock: u64 = 0;
  let offset: u64 = 0;
  let seen: u32 = 0;
  while (load<u8>(at) != RIGHT_BRACE) {
    at = readKey(at);
    if (at == 0) return 0;
    let key: u32 = 0;
    if (isKey(KEY_CLIENT_ID, KEY_CLIENT_ID_LENGTH)) {
      key = SEEN_CLIENT;
      at = load<u8>(at) == QUOTE ? readString(at + 1) : 0;
      name = stringText();
      nameLength = stringLength();
    } else if (isKey(KEY_CLOCK, KEY_CLOCK_LENGTH)) {
      key = SEEN_CLOCK;
      at = readNumber(at);
      clock = numberRead();
    } else if (isKey(KEY_OFFSET, KEY_OFFSET_LENGTH)) {
      key = SEEN_OFFSET;
      at = readNumber(at);
      offset = numberRead();
    } else {
      at = skipValue(at);
    }
    if (at == 0 || (seen & key) != 0) return 0;
    seen |= key;
    at = nextMember(at);
    if (at == 0) return 0;
  }
  if (seen != SEEN_ALL) return 0;
  setId(internAuthor(incoming.authors, name, nameLength, offset), clock);
  return at + 1;
}
