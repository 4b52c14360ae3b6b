/** Reading a whole state: the way clients write it if it can be, else any way that their readers accept. */
import { authorAt, compareAuthors } from '../authors';
import { Block } from '../block';
import { blockAt } from '../block-list';
import { COMMA, LEFT_BRACE, LEFT_BRACKET, QUOTE, RIGHT_BRACE, RIGHT_BRACKET } from './characters';
import { numberRead, readNumber } from './decimal';
import { Incoming, startIncoming } from '../merge/incoming';
import {
  KEY_BLOCKS,
  KEY_BLOCKS_LENGTH,
  KEY_CLIENT_ID,
  KEY_CLIENT_ID_LENGTH,
  KEY_CLOCK,
  KEY_CLOCK_LENGTH,
  KEY_VALUE,
  KEY_VALUE_LENGTH,
  STATE_CLIENT,
  STATE_CLIENT_LENGTH,
  STATE_CLOCK,
  STATE_CLOCK_LENGTH,
  STATE_END,
  STATE_END_LENGTH,
  STATE_START,
  STATE_START_LENGTH,
} from './json-parts';
import { isKey, readAnyBlock } from './read-any';
import { readBlock } from './read-block';
import { startsWith } from './read-id';
import { nextMember, readKey, skipSpace, skipValue } from './read-json';
import { readString, startStrings, stringLength, stringsCanonical, stringText } from './read-string';

/** Bytes of JSON that a block takes at least where names are short. */
const USUAL: u32 = 190;

/** Reads the input, which zeros follow. Null if it isn't a state. */
export function readState(input: usize, length: u32): Incoming | null {
  const incoming = startIncoming(length / USUAL);
  const end = input + length;
  startStrings();
  let at: usize = 0;
  if (startsWith(input, end, STATE_START, STATE_START_LENGTH)) {
    at = readBlocks(input + STATE_START_LENGTH, end, incoming);
    // Not canonical after all, or not a state: the lenient reader decides.
    if (at != 0) at = readRest(at, end, incoming);
  }
  if (at == 0) {
    incoming.canonical = false;
    incoming.blocks.count = 0;
    incoming.clock = 0;
    at = readAnyState(input, end, incoming);
    if (at == 0) return null;
  }
  if (at != end) return null;
  if (!stringsCanonical()) incoming.canonical = false;
  inspect(incoming);
  return incoming;
}

/** What follows the blocks, as clients write it. */
function readRest(at: usize, end: usize, incoming: Incoming): usize {
  if (!startsWith(at - 1, end, STATE_CLOCK, STATE_CLOCK_LENGTH)) return 0;
  at = readNumber(at - 1 + STATE_CLOCK_LENGTH);
  if (at == 0 || !startsWith(at, end, STATE_CLIENT, STATE_CLIENT_LENGTH)) return 0;
  incoming.clock = numberRead();
  at = readString(at + STATE_CLIENT_LENGTH);
  if (at == 0 || !startsWith(at - 1, end, STATE_END, STATE_END_LENGTH)) return 0;
  incoming.client = stringText();
  incoming.clientLength = stringLength();
  return at - 1 + STATE_END_LENGTH;
}

/** Reads the blocks after an opening bracket. Returns the address after the closing one, or 0. */
function readBlocks(at: usize, end: usize, incoming: Incoming): usize {
  let byte: u32 = load<u8>(at);
  if (byte == RIGHT_BRACKET) return at + 1;
  while (true) {
    let next = readBlock(at, end, incoming);
    if (next == 0) {
      incoming.canonical = false;
      next = readAnyBlock(skipSpace(at), incoming);
      if (next == 0) return 0;
    }
    at = next;
    byte = load<u8>(at);
    if (byte != COMMA && byte != RIGHT_BRACKET) {
      incoming.canonical = false;
      at = skipSpace(at);
      byte = load<u8>(at);
    }
    if (byte == RIGHT_BRACKET) return at + 1;
    if (byte != COMMA) return 0;
    at++;
  }
}

const SEEN_BLOCKS: u32 = 1;
const SEEN_CLOCK: u32 = 2;
const SEEN_CLIENT: u32 = 4;
const SEEN_ALL: u32 = 7;

function readAnyState(at: usize, end: usize, incoming: Incoming): usize {
  at = skipSpace(at);
  if (load<u8>(at) != LEFT_BRACE) return 0;
  at = skipSpace(at + 1);
  let seen: u32 = 0;
  while (load<u8>(at) != RIGHT_BRACE) {
    at = readKey(at);
    if (at == 0) return 0;
    let key: u32 = 0;
    if (isKey(KEY_BLOCKS, KEY_BLOCKS_LENGTH)) {
      key = SEEN_BLOCKS;
      at = load<u8>(at) == LEFT_BRACKET ? readBlocks(skipSpace(at + 1), end, incoming) : 0;
    } else if (isKey(KEY_CLOCK, KEY_CLOCK_LENGTH)) {
      key = SEEN_CLOCK;
      at = readAnyClock(at, incoming);
    } else if (isKey(KEY_CLIENT_ID, KEY_CLIENT_ID_LENGTH)) {
      key = SEEN_CLIENT;
      at = load<u8>(at) == QUOTE ? readString(at + 1) : 0;
      incoming.client = stringText();
      incoming.clientLength = stringLength();
    } else {
      at = skipValue(at);
    }
    if (at == 0 || (seen & key) != 0) return 0;
    seen |= key;
    at = nextMember(at);
    if (at == 0) return 0;
  }
  return seen == SEEN_ALL ? skipSpace(at + 1) : 0;
}

function readAnyClock(at: usize, incoming: Incoming): usize {
  if (load<u8>(at) != LEFT_BRACE) return 0;
  at = skipSpace(at + 1);
  let seen = false;
  while (load<u8>(at) != RIGHT_BRACE) {
    at = readKey(at);
    if (at == 0) return 0;
    if (isKey(KEY_VALUE, KEY_VALUE_LENGTH)) {
      if (seen) return 0;
      seen = true;
      at = readNumber(at);
      incoming.clock = numberRead();
    } else {
      at = skipValue(at);
    }
    if (at == 0) return 0;
    at = nextMember(at);
    if (at == 0) return 0;
  }
  return seen ? at + 1 : 0;
}

/** Records whether the blocks are sorted, empty or have offsets. */
function inspect(incoming: Incoming): void {
  const blocks = incoming.blocks;
  const authors = incoming.authors;
  let clock = incoming.clock;
  let before: Block | null = null;
  for (let index: u32 = 0; index < blocks.count; index++) {
    const block = blockAt(blocks, index);
    if (block.clock > clock) clock = block.clock;
    if (block.length == 0) incoming.empties = true;
    const author = authorAt(authors, block.author);
    if (author.base != block.author) incoming.offsets = true;
    if (before && incoming.sorted && block.clock <= before.clock) {
      const ascending = block.clock == before.clock && compareAuthors(authorAt(authors, before.author), author) < 0;
      if (!ascending) {
        incoming.sorted = false;
        incoming.canonical = false;
      }
    }
    before = block;
  }
  incoming.clock = clock;
}
