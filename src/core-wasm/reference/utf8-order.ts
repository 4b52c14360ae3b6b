/**
 * Compares strings by their UTF-8 bytes, which is the order of code points: unlike `<`, it puts surrogate pairs
 * (U+10000 and up) after U+E000–U+FFFF. Below, at or above 0 as `a` comes before, equals or comes after `b`.
 */
export function compareUtf8(a: string, b: string): number {
  const shared = Math.min(a.length, b.length);
  for (let index = 0; index < shared; index++) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** A UTF-16 unit's place in the order of code points: surrogates come after everything else. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
