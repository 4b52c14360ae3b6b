/** Paths as JSON strings, escaped the way JSON.stringify does it. */
import { copyBytes } from '../memory/bytes';

const QUOTE: u32 = 0x22;
const BACKSLASH: u32 = 0x5c;

/** Length of the path as a JSON string, quotes included. */
export function keyLength(path: usize, length: u32): u32 {
  let total = length + 2;
  for (let at: u32 = 0; at < length; at++) {
    const byte: u32 = load<u8>(path + at);
    if (byte == QUOTE || byte == BACKSLASH) total += 1;
    else if (byte < 0x20) total += shortEscape(byte) != 0 ? 1 : 5;
  }
  return total;
}

/** Writes the path as a JSON string of `keyLength` bytes and returns where it ends. */
export function writeKey(target: usize, path: usize, length: u32, keyLength: u32): usize {
  store<u8>(target, QUOTE);
  const end = target + keyLength - 1;
  if (keyLength == length + 2) copyBytes(target + 1, path, length);
  else writeEscaped(target + 1, path, length);
  store<u8>(end, QUOTE);
  return end + 1;
}

function writeEscaped(target: usize, path: usize, length: u32): void {
  for (let at: u32 = 0; at < length; at++) {
    const byte: u32 = load<u8>(path + at);
    if (byte >= 0x20 && byte != QUOTE && byte != BACKSLASH) {
      store<u8>(target++, byte);
      continue;
    }
    store<u8>(target++, BACKSLASH);
    const letter = byte < 0x20 ? shortEscape(byte) : byte;
    if (letter != 0) {
      store<u8>(target++, letter);
      continue;
    }
    // "u00" and the two hexadecimal digits of a number below 32.
    store<u8>(target, 0x75);
    store<u16>(target + 1, 0x3030);
    store<u8>(target + 3, 0x30 + (byte >> 4));
    const digit = byte & 15;
    store<u8>(target + 4, digit < 10 ? 0x30 + digit : 0x57 + digit);
    target += 5;
  }
}

/** The letter of \b \t \n \f \r, or 0. */
function shortEscape(byte: u32): u32 {
  if (byte == 0x08) return 0x62;
  if (byte == 0x09) return 0x74;
  if (byte == 0x0a) return 0x6e;
  if (byte == 0x0c) return 0x66;
  if (byte == 0x0d) return 0x72;
  return 0;
}
