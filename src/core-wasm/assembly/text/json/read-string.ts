/** Reading a JSON string: where its text lies, as UTF-8 without escapes. */
import { allocateScratch } from '../../memory/arena';
import { BACKSLASH, LETTER_U, QUOTE, SLASH } from './characters';
import { skipPlain, skipSequences } from './scan';

/** Where the string read last lies, its bytes, and whether all of them are ASCII and none was escaped. */
let text: usize = 0;
let length: u32 = 0;
let plain: bool = false;
/** Whether every escape since the last `startStrings` was one that JSON.stringify writes. */
let canonical: bool = true;

export function startStrings(): void {
  canonical = true;
}

export function stringsCanonical(): bool {
  return canonical;
}

export function stringText(): usize {
  return text;
}

export function stringLength(): u32 {
  return length;
}

export function stringPlain(): bool {
  return plain;
}

/** Reads the string after an opening quote. Returns the address after the closing one, or 0. */
export function readString(start: usize): usize {
  plain = true;
  let at = start;
  while (true) {
    at = skipPlain(at);
    const byte: u32 = load<u8>(at);
    if (byte == QUOTE) break;
    if (byte == BACKSLASH) return readEscaped(start, at);
    if (byte < 0x80) return 0;
    plain = false;
    at = skipSequences(at);
    if (at == 0) return 0;
  }
  text = start;
  length = <u32>(at - start);
  return at + 1;
}

/** The same for a string whose first escape is at `at`: decodes it into scratch memory. */
function readEscaped(start: usize, at: usize): usize {
  plain = false;
  const end = closingQuote(at);
  if (end == 0) return 0;
  const decoded = allocateScratch(<u32>(end - start));
  let target = decoded;
  let from = start;
  while (true) {
    at = skipPlain(from);
    if (load<u8>(at) >= 0x80) {
      at = skipSequences(at);
      if (at == 0) return 0;
    }
    memory.copy(target, from, at - from);
    target += at - from;
    from = at;
    const byte: u32 = load<u8>(at);
    if (byte == QUOTE) break;
    if (byte == BACKSLASH) {
      from = decodeEscape(at + 1);
      if (from == 0) return 0;
      target = storeCharacter(target, character);
    } else if (byte < 0x20) {
      return 0;
    }
  }
  text = decoded;
  length = <u32>(target - decoded);
  return end + 1;
}

function closingQuote(at: usize): usize {
  while (true) {
    at = skipPlain(at);
    const byte: u32 = load<u8>(at);
    if (byte == QUOTE) return at;
    if (byte == BACKSLASH) at += 2;
    else if (byte >= 0x80) at += 1;
    else return 0;
    // What follows a backslash may be the zero that ends the input.
    if (byte == BACKSLASH && load<u8>(at - 1) < 0x20) return 0;
  }
}

/** The code point that `decodeEscape` found. */
let character: u32 = 0;

/** Decodes what follows a backslash. Returns the address after it, or 0. */
function decodeEscape(at: usize): usize {
  const letter: u32 = load<u8>(at);
  if (letter == LETTER_U) return decodeUnicode(at + 1);
  if (letter == SLASH) canonical = false;
  if (letter == QUOTE || letter == BACKSLASH || letter == SLASH) character = letter;
  else if (letter == 0x62) character = 0x08;
  else if (letter == 0x66) character = 0x0c;
  else if (letter == 0x6e) character = 0x0a;
  else if (letter == 0x72) character = 0x0d;
  else if (letter == 0x74) character = 0x09;
  else return 0;
  return at + 1;
}

function decodeUnicode(at: usize): usize {
  const unit = fourDigits(at);
  if (unit > 0xffff) return 0;
  character = unit;
  if (unit >= 0x20 || (unit >= 0x08 && unit <= 0x0d && unit != 0x0b)) canonical = false;
  else if (load<u8>(at, 3) < 0x61 && load<u8>(at, 3) > 0x39) canonical = false;
  if ((unit & 0xf800) != 0xd800) return at + 4;
  // A pair of surrogates, or nothing that a text could hold.
  if (unit >= 0xdc00 || load<u8>(at, 4) != BACKSLASH || load<u8>(at, 5) != LETTER_U) return 0;
  const low = fourDigits(at + 6);
  if (low < 0xdc00 || low > 0xdfff) return 0;
  character = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
  return at + 10;
}

/** The value of four hexadecimal digits, or more than they could have. */
function fourDigits(at: usize): u32 {
  let value: u32 = 0;
  for (let index: usize = 0; index < 4; index++) {
    const byte: u32 = load<u8>(at + index);
    let digit: u32 = byte - 0x30;
    if (digit > 9) {
      digit = (byte | 0x20) - 0x61 + 10;
      if (digit < 10 || digit > 15) return 0x10000;
    }
    value = (value << 4) | digit;
  }
  return value;
}

function storeCharacter(target: usize, code: u32): usize {
  if (code < 0x80) {
    store<u8>(target, code);
    return target + 1;
  }
  if (code < 0x800) {
    store<u8>(target, 0xc0 | (code >> 6));
    store<u8>(target, 0x80 | (code & 63), 1);
    return target + 2;
  }
  if (code < 0x10000) {
    store<u8>(target, 0xe0 | (code >> 12));
    store<u8>(target, 0x80 | ((code >> 6) & 63), 1);
    store<u8>(target, 0x80 | (code & 63), 2);
    return target + 3;
  }
  store<u8>(target, 0xf0 | (code >> 18));
  store<u8>(target, 0x80 | ((code >> 12) & 63), 1);
  store<u8>(target, 0x80 | ((code >> 6) & 63), 2);
  store<u8>(target, 0x80 | (code & 63), 3);
  return target + 4;
}
