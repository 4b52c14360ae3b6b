/** Reading an id the way clients write it. */
import { equalBytes } from '../../memory/bytes';
import { Authors, authorAt, internAuthor } from '../authors';
import { RIGHT_BRACE } from './characters';
import { numberRead, readNumber } from './decimal';
import {
  CLOCK_KEY,
  CLOCK_KEY_LENGTH,
  ID_START,
  ID_START_LENGTH,
  OFFSET_KEY,
  OFFSET_KEY_LENGTH,
  OFFSET_ZERO,
  OFFSET_ZERO_LENGTH,
} from './json-parts';
import { readString, stringLength, stringText } from './read-string';

/** The id read last: index of its author, and its clock. */
let author: u32 = 0;
let clock: u64 = 0;

export function idAuthor(): u32 {
  return author;
}

export function idClock(): u64 {
  return clock;
}

/** For the lenient reader. */
export function setId(idAuthor: u32, idClock: u64): void {
  author = idAuthor;
  clock = idClock;
}

/** Whether the bytes at `at` are these; never reads past the end of the input. */
export function startsWith(at: usize, end: usize, bytes: usize, length: u32): bool {
  return end - at >= length && equalBytes(at, length, bytes, length);
}

/**
 * Reads an id. Returns the address after it, or 0 if it isn't written as clients do.
 *
 * @param guess Index of the author at the same position of the last block, which is mostly the same.
 */
export function readId(at: usize, end: usize, authors: Authors, guess: u32): usize {
  const guessed = guess < authors.count ? authorAt(authors, guess) : null;
  let name: usize = 0;
  let length: u32 = 0;
  let next: usize;
  if (guessed && startsWith(at, end, guessed.prefix, guessed.prefixLength)) {
    next = readNumber(at + guessed.prefixLength);
  } else {
    if (!startsWith(at, end, ID_START, ID_START_LENGTH)) return 0;
    next = readString(at + ID_START_LENGTH);
    if (next == 0 || !startsWith(next - 1, end, CLOCK_KEY, CLOCK_KEY_LENGTH)) return 0;
    name = stringText();
    length = stringLength();
    next = readNumber(next - 1 + CLOCK_KEY_LENGTH);
  }
  if (next == 0) return 0;
  clock = numberRead();
  const plain = startsWith(next, end, OFFSET_ZERO, OFFSET_ZERO_LENGTH);
  let offset: u64 = 0;
  if (plain) {
    next += OFFSET_ZERO_LENGTH;
  } else {
    if (!startsWith(next, end, OFFSET_KEY, OFFSET_KEY_LENGTH)) return 0;
    next = readNumber(next + OFFSET_KEY_LENGTH);
    if (next == 0 || load<u8>(next) != RIGHT_BRACE) return 0;
    offset = numberRead();
    next += 1;
  }
  if (name == 0 && guessed) {
    if (guessed.offset == offset) {
      author = guess;
      return next;
    }
    name = guessed.name;
    length = guessed.length;
  }
  author = internAuthor(authors, name, length, offset);
  return next;
}
