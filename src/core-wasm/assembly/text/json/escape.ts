/** Text as the content of a JSON string, and back. */
import { widening } from './byte-shuffles';
import { BACKSLASH, QUOTE } from './characters';

/** Bytes that the text has as the content of a JSON string, the way JSON.stringify escapes it. */
export function escapedLength(text: usize, length: u32): u32 {
  let total = length;
  let at = text;
  const end = text + length;
  for (; at + 16 <= end; at += 16) {
    const bytes = v128.load(at);
    if (i8x16.bitmask(special(bytes)) == 0) continue;
    for (let index: usize = 0; index < 16; index++) total += extra(load<u8>(at + index));
  }
  for (; at < end; at++) total += extra(load<u8>(at));
  return total;
}

/**
 * Writes the text as the content of a JSON string; the target must have 16 bytes to spare. Returns where it ends.
 */
export function writeEscaped(target: usize, text: usize, length: u32): usize {
  const end = text + length;
  let at = text;
  while (at + 16 <= end) {
    const bytes = v128.load(at);
    const mask = i8x16.bitmask(special(bytes));
    v128.store(target, bytes);
    if (mask != 0) {
      const step: u32 = ctz(mask);
      target = writeSpecial(target + step, load<u8>(at + step));
      at += step + 1;
    } else {
      target += 16;
      at += 16;
    }
  }
  for (; at < end; at++) {
    const byte: u32 = load<u8>(at);
    if (extra(byte) == 0) store<u8>(target++, byte);
    else target = writeSpecial(target, byte);
  }
  return target;
}

/**
 * Writes JSON as the content of another JSON string: it has no control characters any more, only quotes and backslashes.
 * The target must have 16 bytes to spare. Returns where it ends.
 */
export function escapeJson(target: usize, json: usize, length: u32): usize {
  const end = json + length;
  const backslashes = i8x16.splat(<i8>BACKSLASH);
  let at = json;
  for (; at + 8 <= end; at += 8) {
    const bytes = v128.load_lane<u64>(at, backslashes, 0);
    const mask = i8x16.bitmask(quoting(bytes)) & 0xff;
    v128.store(target, i8x16.swizzle(bytes, v128.load(widening + (mask << 4))));
    target += 8 + popcnt<u32>(mask);
  }
  for (; at < end; at++) {
    const byte: u32 = load<u8>(at);
    if (byte == QUOTE || byte == BACKSLASH) store<u8>(target++, BACKSLASH);
    store<u8>(target++, byte);
  }
  return target;
}

/** Quotes and backslashes in JSON text: what `escapeJson` adds. Zeros follow the text. */
export function quotings(json: usize, length: u32): u32 {
  let total: u32 = 0;
  let at = json;
  const end = json + length;
  for (; at + 16 <= end; at += 16) total += popcnt<u32>(i8x16.bitmask(quoting(v128.load(at))));
  for (; at < end; at++) {
    const byte: u32 = load<u8>(at);
    if (byte == QUOTE || byte == BACKSLASH) total++;
  }
  return total;
}

function special(bytes: v128): v128 {
  return v128.or(i8x16.lt_u(bytes, i8x16.splat(0x20)), quoting(bytes));
}

function quoting(bytes: v128): v128 {
  return v128.or(i8x16.eq(bytes, i8x16.splat(<i8>QUOTE)), i8x16.eq(bytes, i8x16.splat(<i8>BACKSLASH)));
}

/** Bytes that a byte takes more when it is escaped. */
function extra(byte: u32): u32 {
  if (byte == QUOTE || byte == BACKSLASH) return 1;
  if (byte >= 0x20) return 0;
  return shortEscape(byte) != 0 ? 1 : 5;
}

function writeSpecial(target: usize, byte: u32): usize {
  store<u8>(target, BACKSLASH);
  const letter = byte < 0x20 ? shortEscape(byte) : byte;
  if (letter != 0) {
    store<u8>(target, letter, 1);
    return target + 2;
  }
  // "u00" and two hexadecimal digits.
  store<u8>(target, 0x75, 1);
  store<u16>(target, 0x3030, 2);
  store<u8>(target, 0x30 + (byte >> 4), 4);
  const digit = byte & 15;
  store<u8>(target, digit < 10 ? 0x30 + digit : 0x57 + digit, 5);
  return target + 6;
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
