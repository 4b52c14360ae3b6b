/**
 * Copying and comparing byte strings. Most are 10 to 60 bytes long, where the call that memory.copy compiles to
 * costs more than the copy itself; hence the loops of words. The last word overlaps the one before it instead of a loop
 * over single bytes.
 */

/** From this length on the engine's own copy is faster. */
const LONG: u32 = 192;

export function copyBytes(target: usize, source: usize, length: u32): void {
  if (length >= LONG) {
    memory.copy(target, source, length);
  } else if (length >= 16) {
    const last = length - 16;
    for (let at: u32 = 0; at < last; at += 16) v128.store(target + at, v128.load(source + at));
    v128.store(target + last, v128.load(source + last));
  } else if (length >= 8) {
    const head = load<u64>(source);
    const tail = load<u64>(source + length - 8);
    store<u64>(target, head);
    store<u64>(target + length - 8, tail);
  } else if (length >= 4) {
    const head = load<u32>(source);
    const tail = load<u32>(source + length - 4);
    store<u32>(target, head);
    store<u32>(target + length - 4, tail);
  } else {
    for (let at: u32 = 0; at < length; at++) store<u8>(target + at, load<u8>(source + at));
  }
}

export function equalBytes(a: usize, aLength: u32, b: usize, bLength: u32): bool {
  if (aLength != bLength) return false;
  const length = aLength;
  if (length >= 8) {
    const last = length - 8;
    for (let at: u32 = 0; at < last; at += 8) {
      if (load<u64>(a + at) != load<u64>(b + at)) return false;
    }
    return load<u64>(a + last) == load<u64>(b + last);
  }
  if (length >= 4) {
    return load<u32>(a) == load<u32>(b) && load<u32>(a + length - 4) == load<u32>(b + length - 4);
  }
  for (let at: u32 = 0; at < length; at++) {
    if (load<u8>(a + at) != load<u8>(b + at)) return false;
  }
  return true;
}

/** Below, at or above 0 as `a` sorts before, equal to or after `b`; a prefix sorts before the longer string. */
export function compareBytes(a: usize, aLength: u32, b: usize, bLength: u32): i32 {
  const shared = min(aLength, bLength);
  let at: u32 = 0;
  for (; at + 8 <= shared; at += 8) {
    const left = load<u64>(a + at);
    const right = load<u64>(b + at);
    // The first byte in memory is the least significant one of a word, and the most significant one of the order.
    if (left != right) return bswap<u64>(left) > bswap<u64>(right) ? 1 : -1;
  }
  for (; at < shared; at++) {
    const difference = <i32>load<u8>(a + at) - <i32>load<u8>(b + at);
    if (difference != 0) return difference;
  }
  return aLength == bLength ? 0 : aLength > bLength ? 1 : -1;
}
