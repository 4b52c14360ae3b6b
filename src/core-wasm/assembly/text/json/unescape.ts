/**
 * The state out of the JSON string that carried it. Every quote of the state has a backslash in front there, one in
 * about six bytes, so the work is done from backslash to backslash.
 */
import { allocateScratch } from '../../memory/arena';
import { narrowing } from './byte-shuffles';
import { BACKSLASH, QUOTE } from './characters';
import { readString, stringLength, stringText } from './read-string';

/** Where the result lies: zeros follow it. */
let text: usize = 0;
let length: u32 = 0;
/** Whether it was escaped as JSON.stringify does. */
let canonical: bool = false;

export const PADDING: u32 = 64;

export function unescapedText(): usize {
  return text;
}

export function unescapedLength(): u32 {
  return length;
}

export function unescapedCanonical(): bool {
  return canonical;
}

/** Decodes the escapes of the input, which zeros follow. Returns whether it was the content of a string. */
export function unescape(input: usize, inputLength: u32): bool {
  canonical = true;
  const target = allocateScratch(inputLength + PADDING);
  const end = input + inputLength;
  let to = target;
  let at = input;
  while (at < end) {
    // Whether a backslash ended the last eight bytes; apart, so that the next eight need not wait for these.
    let open: u32 = 0;
    for (; at + 8 <= end; at += 8) {
      const bytes = v128.load_zero<u64>(at);
      const backslashes: u32 = i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(<i8>BACKSLASH)));
      const quotes: u32 = i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(<i8>QUOTE)));
      const controls: u32 = i8x16.bitmask(i8x16.lt_u(bytes, i8x16.splat(0x20))) & 0xff;
      // Escaped backslashes and errors are left to the slow way.
      if (quotes != (((backslashes << 1) | open) & 0xff) || controls != 0) break;
      const narrowed = i8x16.swizzle(bytes, v128.load_zero<u64>(narrowing + (backslashes << 3)));
      store<u64>(to, i64x2.extract_lane(narrowed, 0));
      to += 8 - popcnt<u32>(backslashes);
      open = backslashes >> 7;
    }
    at -= open;
    const bytes = v128.load(at);
    v128.store(to, bytes);
    const backslashes = i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(<i8>BACKSLASH)));
    const bad = i8x16.bitmask(v128.or(i8x16.eq(bytes, i8x16.splat(<i8>QUOTE)), i8x16.lt_u(bytes, i8x16.splat(0x20))));
    const step: u32 = backslashes == 0 ? 16 : ctz(backslashes);
    const left = <u32>min<usize>(end - at, 16);
    if ((bad & ((1 << min(step, left)) - 1)) != 0) return false;
    if (step >= left) {
      at += left;
      to += left;
      continue;
    }
    const escaped: u32 = load<u8>(at + step, 1);
    if (escaped != QUOTE && escaped != BACKSLASH) return unescapeSlowly(input, end);
    if (at + step + 1 >= end) return false;
    store<u8>(to + step, escaped);
    to += step + 1;
    at += step + 2;
  }
  memory.fill(to, 0, PADDING);
  text = target;
  length = <u32>(to - target);
  return true;
}

/** For other escapes, which no client writes around a state: reads it like any other string. */
function unescapeSlowly(input: usize, end: usize): bool {
  canonical = false;
  const size = <u32>(end - input);
  const quoted = allocateScratch(size + PADDING);
  memory.copy(quoted, input, size);
  store<u8>(quoted + size, QUOTE);
  memory.fill(quoted + size + 1, 0, PADDING - 1);
  if (readString(quoted) != quoted + size + 1) return false;
  length = stringLength();
  text = allocateScratch(length + PADDING);
  memory.copy(text, stringText(), length);
  memory.fill(text + length, 0, PADDING);
  return true;
}
