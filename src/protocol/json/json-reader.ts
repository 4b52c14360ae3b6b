import { isUtf8 } from 'node:buffer';
import { bytesAre, decodeString, isSpace } from './json-string.js';
import { LONG_STRING, passLongString, type LongStrings } from './long-string.js';
import { findEndOfRun, type RunSearch } from './plain-run.js';
import { escapable, kinds } from './string-bytes.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const SPACE = 0x20;
const TRUE = 0x74;
const ZERO = 0x30;
const NINE = 0x39;

/** Bytes of a string that stand for themselves after which a search of whole words pays. */
const LONG_RUN = 64;

/** The text is not JSON. */
export class JsonFault extends Error {
  override readonly name = 'JsonFault';
}

/**
 * Reads JSON (RFC 8259) from bytes in one pass, strictly: what it has passed is valid, but for the UTF-8, which
 * `finish` checks as a whole. It makes nothing of what it reads; whoever wants a value decodes its bytes. All methods
 * throw JsonFault at what is not JSON.
 */
export class JsonReader implements RunSearch {
  readonly bytes: Buffer;
  readonly end: number;
  readonly #start: number;
  readonly #strings: LongStrings | undefined;
  /** Where the next byte is read. */
  at: number;
  nextQuote = -1;
  nextBackslash = -1;
  words: Int32Array | undefined;
  /** Bits of all bytes in strings so far. */
  seen = 0;
  /** Bytes of white space so far. */
  #spaces = 0;
  /** Of the value that `skipValue` passed last: how many arrays and objects are around its innermost part. */
  depth = 0;
  /** Of that value: whether there is white space outside of its strings. */
  spaced = false;
  /** Of that value: whether it is an object whose `__deleted` is true. */
  removal = false;
  /** Of the string, key or value, that was passed last: whether it holds escapes. */
  escaped = false;
  /** Of the key that `nextKey` passed last, without its quotes, and whether it holds escapes. */
  keyStart = 0;
  keyEnd = 0;
  keyEscaped = false;

  constructor(bytes: Buffer, start: number, end: number, strings?: LongStrings) {
    this.bytes = bytes;
    this.#strings = strings;
    this.#start = start;
    this.at = start;
    this.end = end;
  }

  /** The next byte that is no white space, or 0 at the end. */
  peek(): number {
    this.at = this.#skipSpace(this.at);
    return this.#byte(this.at);
  }

  /** Moves into the object or array that `peek` has seen. */
  enter(): void {
    this.at++;
  }

  /**
   * Moves to the value behind the next key of an object; false, and behind the object, when there is none.
   *
   * @param first Whether it is the first one.
   */
  nextKey(first: boolean): boolean {
    const byte = this.peek();
    if (byte === CLOSE_BRACE) {
      this.at++;
      return false;
    }
    if (!first) this.#passComma(byte);
    this.at = this.#passKey(this.at);
    return true;
  }

  /** Whether the object goes on. */
  nextIsKey(): boolean {
    return this.peek() === COMMA;
  }

  /** Moves to the next element of an array; false, and behind the array, when there is none. */
  nextElement(first: boolean): boolean {
    const byte = this.peek();
    if (byte === CLOSE_BRACKET) {
      this.at++;
      return false;
    }
    if (!first) this.#passComma(byte);
    return true;
  }

  #passComma(byte: number): void {
    if (byte !== COMMA) throw new JsonFault();
    this.at++;
    this.peek();
  }

  /** Moves behind the value that begins here, whatever it is. Nesting takes no stack. */
  skipValue(): void {
    const spaces = this.#spaces;
    this.depth = 0;
    this.removal = false;
    const first = this.#byte(this.at);
    if (first === OPEN_BRACE || first === OPEN_BRACKET) this.#skipNested();
    else this.at = this.#passScalar(this.at, first);
    this.spaced = this.#spaces > spaces;
  }

  /** Checks that only white space is left, and the UTF-8 of all. */
  finish(): void {
    if (this.peek() !== 0 || this.at < this.end) throw new JsonFault();
    if (this.seen >= 0x80 && !isUtf8(this.bytes.subarray(this.#start, this.end))) throw new JsonFault();
  }

  #skipNested(): void {
    /** Of each array and object that is open, whether it is an object. */
    const open: boolean[] = [];
    let inObject = false;
    let at = this.at;
    for (;;) {
      const byte = this.#byte(at);
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        inObject = byte === OPEN_BRACE;
        open.push(inObject);
        if (open.length > this.depth) this.depth = open.length;
        at = this.#skipSpace(at + 1);
        if (this.#byte(at) !== (inObject ? CLOSE_BRACE : CLOSE_BRACKET)) {
          if (inObject) at = this.#passInnerKey(at, open.length);
          continue;
        }
        // Closed below, like one that is not empty.
      } else {
        at = this.#passScalar(at, byte);
      }
      for (;;) {
        at = this.#skipSpace(at);
        const next = this.#byte(at);
        if (next === COMMA) {
          at = this.#skipSpace(at + 1);
          if (inObject) at = this.#passInnerKey(at, open.length);
          break;
        }
        if (next !== (inObject ? CLOSE_BRACE : CLOSE_BRACKET)) throw new JsonFault();
        at++;
        open.pop();
        if (open.length === 0) {
          this.at = at;
          return;
        }
        inObject = open[open.length - 1] === true;
      }
    }
  }

  #passInnerKey(from: number, depth: number): number {
    const at = this.#passKey(from);
    // The last one counts.
    if (depth === 1 && this.keyIs('__deleted')) this.removal = this.#byte(at) === TRUE;
    return at;
  }

  /** Whether the current key is this one (ASCII). */
  keyIs(name: string): boolean {
    const { bytes, keyStart, keyEnd } = this;
    if (!this.keyEscaped) return bytesAre(bytes, keyStart, keyEnd, name);
    // No escape is longer.
    return keyEnd - keyStart <= name.length * 6 && decodeString(bytes, keyStart, keyEnd) === name;
  }

  /** From the quote of a key to the value. */
  #passKey(from: number): number {
    if (this.#byte(from) !== QUOTE) throw new JsonFault();
    let at = this.#passString(from);
    this.keyStart = from + 1;
    this.keyEnd = at - 1;
    this.keyEscaped = this.escaped;
    at = this.#skipSpace(at);
    if (this.#byte(at) !== COLON) throw new JsonFault();
    return this.#skipSpace(at + 1);
  }

  #passScalar(from: number, first: number): number {
    switch (first) {
      case QUOTE:
        return this.#passString(from);
      case TRUE:
        return this.#passWord(from, 'true');
      case 0x66:
        return this.#passWord(from, 'false');
      case 0x6e:
        return this.#passWord(from, 'null');
      default:
        return this.#passNumber(from);
    }
  }

  #passWord(from: number, word: string): number {
    const to = from + word.length;
    if (to > this.end || !bytesAre(this.bytes, from, to, word)) throw new JsonFault();
    return to;
  }

  #passNumber(from: number): number {
    let at = this.#byte(from) === 0x2d ? from + 1 : from;
    at = this.#byte(at) === ZERO ? at + 1 : this.#passDigits(at);
    if (this.#byte(at) === 0x2e) at = this.#passDigits(at + 1);
    if ((this.#byte(at) | 0x20) === 0x65) {
      const sign = this.#byte(++at);
      at = this.#passDigits(sign === 0x2b || sign === 0x2d ? at + 1 : at);
    }
    return at;
  }

  #passDigits(from: number): number {
    let at = from;
    for (let byte = this.#byte(at); byte >= ZERO && byte <= NINE; byte = this.#byte(at)) at++;
    if (at === from) throw new JsonFault();
    return at;
  }

  /** From an opening quote to just after the closing one. */
  #passString(from: number): number {
    const { bytes, end } = this;
    const strings = this.#strings;
    let at = from + 1;
    let far = from + LONG_STRING;
    let long = at + LONG_RUN;
    let seen = 0;
    let escaped = false;
    while (at < end) {
      const byte = bytes[at] ?? 0;
      if (kinds[byte] === 0) {
        seen |= byte;
        if (++at !== long) continue;
        at = findEndOfRun(this, at);
        long = at + LONG_RUN;
      } else if (byte === QUOTE) {
        this.seen |= seen;
        this.escaped = escaped;
        return at + 1;
      } else {
        if (byte !== BACKSLASH) break;
        escaped = true;
        at++;
        at = at < end && escapable[bytes[at] ?? 0] === 1 ? at + 1 : this.#passHexEscape(at);
        if (at > far && strings !== undefined) {
          at = passLongString(strings, bytes, at, end);
          // Not known, so `finish` looks.
          seen |= 0x80;
          far = end;
        }
        long = at + LONG_RUN;
      }
    }
    throw new JsonFault();
  }

  /** From the `u` of an escape to behind its digits. */
  #passHexEscape(from: number): number {
    if (this.#byte(from) !== 0x75) throw new JsonFault();
    for (let at = from + 1; at < from + 5; at++) {
      const byte = this.#byte(at);
      const letter = byte | 0x20;
      if ((byte < ZERO || byte > NINE) && (letter < 0x61 || letter > 0x66)) throw new JsonFault();
    }
    return from + 5;
  }

  #skipSpace(from: number): number {
    const byte = this.#byte(from);
    if (byte > SPACE || !isSpace(byte)) return from;
    let at = from + 1;
    while (isSpace(this.#byte(at))) at++;
    this.#spaces += at - from;
    return at;
  }

  #byte(at: number): number {
    return at < this.end ? (this.bytes[at] ?? 0) : 0;
  }
}
