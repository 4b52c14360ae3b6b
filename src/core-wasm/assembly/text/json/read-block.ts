/** Reading a pair of id and block the way clients write it. */
import { addBlock } from '../block-list';
import { DELETED } from '../block';
import { LEFT_BRACKET } from './characters';
import { Incoming } from '../merge/incoming';
import {
  DELETED_KEY,
  DELETED_KEY_LENGTH,
  FALSE_END,
  FALSE_END_LENGTH,
  LEFT_KEY,
  LEFT_KEY_LENGTH,
  PAIR_MIDDLE,
  PAIR_MIDDLE_LENGTH,
  RIGHT_KEY,
  RIGHT_KEY_LENGTH,
  TEXT_KEY,
  TEXT_KEY_LENGTH,
  TRUE_END,
  TRUE_END_LENGTH,
} from './json-parts';
import { idAuthor, idClock, readId, startsWith } from './read-id';
import { readString, stringLength, stringPlain, stringsCanonical, stringText } from './read-string';

/** Authors of the id and the origins read last: mostly they are the same again. */
let lastAuthor: u32 = 0;
let lastLeft: u32 = 0;
let lastRight: u32 = 0;

const NULL: u32 = 0x6c6c756e;

/** Reads the pair and adds the block. Returns the address after it, or 0 if it isn't written as clients do. */
export function readBlock(start: usize, end: usize, incoming: Incoming): usize {
  const authors = incoming.authors;
  if (load<u8>(start) != LEFT_BRACKET) return 0;
  let at = readId(start + 1, end, authors, lastAuthor);
  if (at == 0) return 0;
  const idLength = <u32>(at - start - 1);
  lastAuthor = idAuthor();
  const clock = idClock();
  if (!startsWith(at, end, PAIR_MIDDLE, PAIR_MIDDLE_LENGTH)) return 0;
  at += PAIR_MIDDLE_LENGTH;
  if (!startsWith(at, end, start + 1, idLength)) return 0;
  at += idLength;
  if (!startsWith(at, end, TEXT_KEY, TEXT_KEY_LENGTH)) return 0;
  at = readString(at + TEXT_KEY_LENGTH);
  if (at == 0) return 0;
  const text = stringText();
  const length = stringLength();
  const plain = stringPlain();
  at -= 1;
  if (!startsWith(at, end, LEFT_KEY, LEFT_KEY_LENGTH)) return 0;
  at += LEFT_KEY_LENGTH;

  let left: u32 = 0;
  let leftClock: u64 = 0;
  if (load<u32>(at) == NULL) {
    at += 4;
  } else {
    at = readId(at, end, authors, lastLeft);
    if (at == 0) return 0;
    lastLeft = idAuthor();
    left = lastLeft + 1;
    leftClock = idClock();
  }
  if (!startsWith(at, end, RIGHT_KEY, RIGHT_KEY_LENGTH)) return 0;
  at += RIGHT_KEY_LENGTH;
  let right: u32 = 0;
  let rightClock: u64 = 0;
  if (load<u32>(at) == NULL) {
    at += 4;
  } else {
    at = readId(at, end, authors, lastRight);
    if (at == 0) return 0;
    lastRight = idAuthor();
    right = lastRight + 1;
    rightClock = idClock();
  }
  if (!startsWith(at, end, DELETED_KEY, DELETED_KEY_LENGTH)) return 0;
  at += DELETED_KEY_LENGTH;
  let flags: u32 = 0;
  if (startsWith(at, end, FALSE_END, FALSE_END_LENGTH)) {
    at += FALSE_END_LENGTH;
  } else {
    if (!startsWith(at, end, TRUE_END, TRUE_END_LENGTH)) return 0;
    at += TRUE_END_LENGTH;
    flags = DELETED;
  }

  const block = addBlock(incoming.blocks);
  block.clock = clock;
  block.leftClock = leftClock;
  block.rightClock = rightClock;
  block.author = lastAuthor;
  block.left = left;
  block.right = right;
  block.text = text;
  block.length = length;
  // Clusters of ASCII without escapes, thus without line ends, are single bytes; others are counted when need be.
  block.count = plain && clock >= length ? length : 0;
  block.flags = flags;
  // Written in another way, it will have another length.
  block.size = stringsCanonical() ? <u32>(at - start) : 0;
  block.added = 0;
  block.marked = 0;
  return at;
}
