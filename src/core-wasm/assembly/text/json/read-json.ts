/** JSON that is not written as clients write it: white space, other values. Nothing here is recursive. */
import {
  COLON,
  COMMA,
  isDigit,
  LEFT_BRACE,
  LEFT_BRACKET,
  MINUS,
  QUOTE,
  RIGHT_BRACE,
  RIGHT_BRACKET,
} from './characters';
import { readString } from './read-string';

/** How deep unknown values may be nested; clients' readers give up at the same depth. */
const DEEPEST: u32 = 127;

/** For each level that is open: whether it is an object. */
const levels: usize = memory.data(128);

export function skipSpace(at: usize): usize {
  while (true) {
    const byte: u32 = load<u8>(at);
    if (byte != 0x20 && byte != 0x0a && byte != 0x0d && byte != 0x09) return at;
    at++;
  }
}

/** Reads a key, its colon and the space around that. Returns where the value begins, or 0; the string read is the key. */
export function readKey(at: usize): usize {
  if (load<u8>(at) != QUOTE) return 0;
  at = readString(at + 1);
  if (at == 0) return 0;
  at = skipSpace(at);
  return load<u8>(at) == COLON ? skipSpace(at + 1) : 0;
}

/** After a member of an object: the address of the next key or of the closing brace, or 0. */
export function nextMember(at: usize): usize {
  at = skipSpace(at);
  const byte: u32 = load<u8>(at);
  if (byte == RIGHT_BRACE) return at;
  if (byte != COMMA) return 0;
  at = skipSpace(at + 1);
  return load<u8>(at) == QUOTE ? at : 0;
}

/** Skips any value. Returns the address after it, or 0. */
export function skipValue(at: usize): usize {
  let depth: u32 = 0;
  while (true) {
    const byte: u32 = load<u8>(at);
    if (byte == LEFT_BRACE || byte == LEFT_BRACKET) {
      if (depth == DEEPEST) return 0;
      store<u8>(levels + depth++, byte == LEFT_BRACE ? 1 : 0);
      at = skipSpace(at + 1);
      const next: u32 = load<u8>(at);
      if (next != (byte == LEFT_BRACE ? RIGHT_BRACE : RIGHT_BRACKET)) {
        if (byte == LEFT_BRACE) {
          at = readKey(at);
          if (at == 0) return 0;
        }
        continue;
      }
      depth--;
      at++;
    } else {
      at = skipScalar(at, byte);
      if (at == 0) return 0;
    }
    // After a value: on to the next one of its parent, or out of all parents that end here.
    while (true) {
      if (depth == 0) return at;
      at = skipSpace(at);
      const next: u32 = load<u8>(at);
      const inObject = load<u8>(levels + depth - 1) == 1;
      if (next == COMMA) {
        at = skipSpace(at + 1);
        if (inObject) {
          at = readKey(at);
          if (at == 0) return 0;
        }
        break;
      }
      if (next != (inObject ? RIGHT_BRACE : RIGHT_BRACKET)) return 0;
      depth--;
      at++;
    }
  }
}

/** The address after `null`, `true` or `false`, or 0. */
export function skipWord(at: usize): usize {
  const word = load<u32>(at);
  if (word == 0x6c6c756e || word == 0x65757274) return at + 4;
  return word == 0x736c6166 && load<u8>(at, 4) == 0x65 ? at + 5 : 0;
}

function skipScalar(at: usize, byte: u32): usize {
  if (byte == QUOTE) return readString(at + 1);
  if (byte == MINUS || isDigit(byte)) return skipNumber(at);
  return skipWord(at);
}

function skipNumber(at: usize): usize {
  if (load<u8>(at) == MINUS) at++;
  if (load<u8>(at) == 0x30) {
    at++;
  } else {
    at = skipDigits(at);
    if (at == 0) return 0;
  }
  if (load<u8>(at) == 0x2e) {
    at = skipDigits(at + 1);
    if (at == 0) return 0;
  }
  if ((load<u8>(at) | 0x20) == 0x65) {
    const sign: u32 = load<u8>(at, 1);
    at = skipDigits(sign == 0x2b || sign == MINUS ? at + 2 : at + 1);
  }
  return at;
}

function skipDigits(at: usize): usize {
  if (!isDigit(load<u8>(at))) return 0;
  do {
    at++;
  } while (isDigit(load<u8>(at)));
  return at;
}
