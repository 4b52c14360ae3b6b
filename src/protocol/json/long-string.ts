/** What passes bytes of long strings faster than a loop of this language does. */
export interface LongStrings {
  /** Most bytes at a time. */
  readonly mostBytes: number;
  /**
   * Passes ordinary bytes and whole escapes, up to a quote, a fault, an escape that is not whole, or the end.
   *
   * @param bytes Of a string, not from the middle of an escape.
   * @returns How many bytes it passed.
   */
  passString(bytes: Uint8Array): number;
}

/**
 * Bytes of a string behind which the rest is left to `LongStrings`; and how many it is given at a time at first, or a
 * message of many strings that are little longer would be copied again and again.
 */
export const LONG_STRING = 4_096;
/** Longest escape: \u and four digits. */
const LONGEST_ESCAPE = 6;

/** Passes what is left of a string. @returns Where it stopped: at the quote, at a fault, or near the end. */
export function passLongString(long: LongStrings, bytes: Buffer, from: number, end: number): number {
  let at = from;
  for (let size = LONG_STRING; ; size = Math.min(size * 2, long.mostBytes)) {
    const to = Math.min(at + size, end);
    at += long.passString(bytes.subarray(at, to));
    if (to === end || to - at >= LONGEST_ESCAPE) return at;
  }
}
