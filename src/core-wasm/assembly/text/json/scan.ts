/** Finds the end of the plain ASCII in a string, 16 bytes at a time, and validates the UTF-8 of the rest. */
import { BACKSLASH, QUOTE } from './characters';

/**
 * The first byte from `at` on that is a quote, a backslash, a control character or not ASCII. Zeros after the input
 * end the search.
 */
export function skipPlain(at: usize): usize {
  while (true) {
    const bytes = v128.load(at);
    // As signed bytes, those that aren't ASCII are below the space like the control characters.
    const stops = v128.or(
      i8x16.lt_s(bytes, i8x16.splat(0x20)),
      v128.or(i8x16.eq(bytes, i8x16.splat(<i8>QUOTE)), i8x16.eq(bytes, i8x16.splat(<i8>BACKSLASH))),
    );
    const mask = i8x16.bitmask(stops);
    if (mask != 0) return at + ctz(mask);
    at += 16;
  }
}

/**
 * The end of a row of characters that aren't ASCII, or 0 if they aren't UTF-8: too long for what they encode,
 * surrogates, above U+10FFFF or cut off.
 */
export function skipSequences(at: usize): usize {
  while (true) {
    const word = load<u32>(at);
    // Nearly all are of three bytes from U+1000 to U+CFFF or of two; the rest is looked at byte by byte.
    if ((word & 0xc0c0f0) == 0x8080e0 && (word & 15) - 1 < 12) {
      at += 3;
      continue;
    }
    if ((word & 0xc0e0) == 0x80c0 && (word & 31) > 1) {
      at += 2;
      continue;
    }
    const lead = word & 0xff;
    if (lead < 0x80) return at;
    const length = sequenceLength(at, lead);
    if (length == 0) return 0;
    at += length;
  }
}

/** Whether the bytes are UTF-8. */
export function isUtf8(at: usize, length: u32): bool {
  const end = at + length;
  while (at < end) {
    const lead: u32 = load<u8>(at);
    const step = lead < 0x80 ? 1 : sequenceLength(at, lead);
    if (step == 0) return false;
    at += step;
  }
  return at == end;
}

function sequenceLength(at: usize, lead: u32): u32 {
  const second: u32 = load<u8>(at, 1);
  if (lead < 0xe0) return lead >= 0xc2 && isTrail(second) ? 2 : 0;
  const third: u32 = load<u8>(at, 2);
  if (lead < 0xf0) {
    if (lead == 0xe0 && second < 0xa0) return 0;
    if (lead == 0xed && second > 0x9f) return 0;
    return isTrail(second) && isTrail(third) ? 3 : 0;
  }
  if (lead > 0xf4) return 0;
  if (lead == 0xf0 && second < 0x90) return 0;
  if (lead == 0xf4 && second > 0x8f) return 0;
  return isTrail(second) && isTrail(third) && isTrail(load<u8>(at, 3)) ? 4 : 0;
}

function isTrail(byte: u32): bool {
  return (byte & 0xc0) == 0x80;
}
