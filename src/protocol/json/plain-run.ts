/** Finds where a long run of ordinary bytes in a string ends, many bytes at a time. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** The bytes of a text, and what is known of them from one search to the next, so that all of them take linear time. */
export interface RunSearch {
  readonly bytes: Buffer;
  readonly end: number;
  /** The first quote, and the first backslash, behind some place that was searched from; -1 before the first search. */
  nextQuote: number;
  nextBackslash: number;
  /** The memory of the bytes as words. */
  words: Int32Array | undefined;
  /** Gets the high bit of the bytes passed. */
  seen: number;
}

/** The first place from `from` on that holds a quote, a backslash or a control character, or is not far before one. */
export function findEndOfRun(search: RunSearch, from: number): number {
  const { bytes, end } = search;
  if (search.nextQuote < from) search.nextQuote = find(bytes, QUOTE, from, end);
  if (search.nextBackslash < from) search.nextBackslash = find(bytes, BACKSLASH, from, end);
  return passWords(search, from, Math.min(search.nextQuote, search.nextBackslash));
}

function find(bytes: Buffer, byte: number, from: number, end: number): number {
  const at = bytes.indexOf(byte, from);
  return at === -1 ? end : Math.min(at, end);
}

const HIGH_BITS = 0x80808080 | 0;
/** A byte below 0x20 borrows from its high bit. Those with that bit are taken out by what they are compared with. */
const SPACES = 0x20202020;

/** Passes words of four bytes without control characters; stops at most a few words before one, or before `to`. */
function passWords(search: RunSearch, from: number, to: number): number {
  const { bytes } = search;
  const words = (search.words ??= new Int32Array(bytes.buffer, 0, bytes.buffer.byteLength >>> 2));
  const first = (bytes.byteOffset + from + 3) >>> 2;
  const last = ((bytes.byteOffset + to) >>> 2) - 3;
  let word = first;
  let high = 0;
  for (; word < last; word += 4) {
    const a = words[word] ?? 0;
    const b = words[word + 1] ?? 0;
    const c = words[word + 2] ?? 0;
    const d = words[word + 3] ?? 0;
    const low = ((a - SPACES) & ~a) | ((b - SPACES) & ~b) | ((c - SPACES) & ~c) | ((d - SPACES) & ~d);
    if ((low & HIGH_BITS) !== 0) break;
    high |= a | b | c | d;
  }
  if (word === first) return from;
  // The bytes between `from` and the first whole word are behind what is returned only if they are looked at here.
  for (let at = from; at < first * 4 - bytes.byteOffset; at++) {
    const byte = bytes[at] ?? 0;
    if (byte < 0x20) return at;
    search.seen |= byte;
  }
  if ((high & HIGH_BITS) !== 0) search.seen |= 0x80;
  return word * 4 - bytes.byteOffset;
}
