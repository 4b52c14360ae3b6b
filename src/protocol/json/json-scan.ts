import { decodeString, isSpace } from './json-string.js';

/**
 * Reads keys of a JSON object from its bytes without parsing it. The acceptor routes by what this finds; the shard
 * parses the whole text later and refuses it when the two disagree, so the scan may stop at the first match and need
 * not validate what it passes over.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

const number = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/**
 * Walks the entries of one object: `while (scan.next()) …` and then look at the key and the value's range. A malformed
 * text ends the walk early. One instance serves many texts (`reset`), so that routing allocates nothing.
 */
export class ObjectScan {
  #bytes: Buffer = Buffer.alloc(0);
  #end = 0;
  #at = 0;
  #keyStart = 0;
  #keyEnd = 0;
  #keyEscaped = false;
  /** Range of the current value, quotes or brackets included. */
  valueStart = 0;
  valueEnd = 0;

  /** Starts on the object at `start`, white space before it allowed; false when there is none. */
  reset(bytes: Buffer, start: number, end: number): boolean {
    this.#bytes = bytes;
    this.#end = end;
    this.#at = this.#skipSpace(start);
    if (this.#bytes[this.#at] !== OPEN_BRACE || this.#at >= end) {
      this.#at = end;
      return false;
    }
    this.#at++;
    return true;
  }

  /** Moves to the next entry; false at the end of the object or of what is well-formed. */
  next(): boolean {
    const bytes = this.#bytes;
    let at = this.#skipSpace(this.#at);
    if (bytes[at] === COMMA) at = this.#skipSpace(at + 1);
    if (at >= this.#end || bytes[at] !== QUOTE) return this.#stop();
    this.#keyStart = at + 1;
    this.#keyEscaped = false;
    at = this.#skipString(at);
    if (at > this.#end) return this.#stop();
    this.#keyEnd = at - 1;
    at = this.#skipSpace(at);
    if (at >= this.#end || bytes[at] !== COLON) return this.#stop();
    at = this.#skipSpace(at + 1);
    if (at >= this.#end) return this.#stop();
    this.valueStart = at;
    at = this.#skipValue(at);
    if (at > this.#end) return this.#stop();
    this.valueEnd = at;
    this.#at = at;
    return true;
  }

  /** Whether the current key is this one (ASCII, without escapes in `name`). */
  keyIs(name: string): boolean {
    if (this.#keyEscaped) return decodeString(this.#bytes, this.#keyStart, this.#keyEnd) === name;
    if (this.#keyEnd - this.#keyStart !== name.length) return false;
    for (let i = 0; i < name.length; i++) {
      if (this.#bytes[this.#keyStart + i] !== name.charCodeAt(i)) return false;
    }
    return true;
  }

  /** The current value if it is a string. */
  stringValue(): string | undefined {
    if (this.#bytes[this.valueStart] !== QUOTE) return undefined;
    return decodeString(this.#bytes, this.valueStart + 1, this.valueEnd - 1);
  }

  /** The current value if it is a number. */
  numberValue(): number | undefined {
    const first = this.#bytes[this.valueStart] ?? 0;
    if (first !== 0x2d && (first < 0x30 || first > 0x39)) return undefined;
    const text = this.#bytes.toString('latin1', this.valueStart, this.valueEnd);
    return number.test(text) ? Number(text) : undefined;
  }

  /** Whether the current value is an object. */
  isObject(): boolean {
    return this.#bytes[this.valueStart] === OPEN_BRACE;
  }

  #stop(): false {
    this.#at = this.#end;
    return false;
  }

  #skipSpace(from: number): number {
    let at = from;
    while (at < this.#end && isSpace(this.#bytes[at])) at++;
    return at;
  }

  /** From an opening quote to just after the closing one; past the end when there is none. */
  #skipString(from: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = from + 1;
    while (at < end) {
      const byte = bytes[at];
      if (byte === QUOTE) return at + 1;
      if (byte === BACKSLASH) {
        this.#keyEscaped = true;
        at += 2;
      } else {
        at++;
      }
    }
    return end + 1;
  }

  #skipValue(from: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    const first = bytes[from];
    // The key's own escapes are known by now; those of the value must not be taken for them.
    const keyEscaped = this.#keyEscaped;
    let at = from;
    if (first === QUOTE) {
      at = this.#skipString(from);
    } else if (first === OPEN_BRACE || first === OPEN_BRACKET) {
      let depth = 0;
      do {
        const byte = bytes[at];
        if (byte === QUOTE) {
          at = this.#skipString(at);
          continue;
        }
        if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
        else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
        at++;
      } while (depth > 0 && at < end);
      if (depth > 0) at = end + 1;
    } else {
      while (at < end) {
        const byte = bytes[at];
        if (byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || isSpace(byte)) break;
        at++;
      }
    }
    this.#keyEscaped = keyEscaped;
    return at;
  }
}
