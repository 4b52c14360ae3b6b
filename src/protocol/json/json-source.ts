/** The bytes of a message, and what lies in them as strings, numbers and values. */

import { compactJson } from './json-compact.js';
import { JsonReader } from './json-reader.js';
import type { LongStrings } from './long-string.js';
import { decodeString } from './json-string.js';

/**
 * Bytes of a message up to which it becomes one string, of which all others are parts: that takes one call of the engine
 * instead of one for each. V8 lets a part refer to the whole, so this is also what a name that is kept may keep with it.
 */
const SHORT_MESSAGE = 8_192;

/** A value as it came: valid JSON without white space outside of its strings. */
export interface JsonValue {
  readonly json: string;
  /** How many arrays and objects are around its innermost part; 0 for a string, 1 for `[]`. */
  readonly depth: number;
  /** Whether it is an object whose `__deleted` is true. */
  readonly removal: boolean;
}

const SPACED = 1;
const REMOVAL = 2;
export const ESCAPED = 4;
const DEPTH = 8;

/** What a reader found out about the value that it passed last, as one number. */
export function factsOf({ depth, removal, spaced, escaped }: JsonReader): number {
  return depth * DEPTH + (removal ? REMOVAL : 0) + (spaced ? SPACED : 0) + (escaped ? ESCAPED : 0);
}

/** The bytes of a message, and the strings in them. */
export class JsonSource {
  readonly bytes: Buffer;
  readonly reader: JsonReader;
  readonly #start: number;
  readonly #end: number;
  #text: string | undefined;

  constructor(bytes: Buffer, start: number, end: number, strings?: LongStrings) {
    this.bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.reader = new JsonReader(bytes, start, end, strings);
  }

  /** Bytes as they are, which are valid UTF-8. */
  slice(start: number, end: number): string {
    const { bytes } = this;
    if (this.#end - this.#start > SHORT_MESSAGE || this.reader.seen >= 0x80) return bytes.toString('utf8', start, end);
    this.#text ??= bytes.toString('latin1', this.#start, this.#end);
    return this.#text.slice(start - this.#start, end - this.#start);
  }

  /** What the content of a string stands for. */
  string(start: number, end: number, escaped: boolean): string {
    return escaped ? (decodeString(this.bytes, start, end) ?? '') : this.slice(start, end);
  }

  /** @param facts Of `factsOf`. */
  value(start: number, end: number, facts: number): JsonValue {
    const json = (facts & SPACED) === 0 ? this.slice(start, end) : compactJson(this.bytes, start, end);
    return { json, depth: Math.floor(facts / DEPTH), removal: (facts & REMOVAL) !== 0 };
  }

  /** The number that valid JSON stands for, or undefined when it is another value. */
  number(start: number, end: number): number | undefined {
    const { bytes } = this;
    const first = bytes[start] ?? 0;
    if (first !== 0x2d && (first < 0x30 || first > 0x39)) return undefined;
    // As many digits are exact.
    if (end - start > 15) return Number(this.slice(start, end));
    let number = 0;
    for (let at = start; at < end; at++) {
      const byte = bytes[at] ?? 0;
      if (byte < 0x30 || byte > 0x39) return Number(this.slice(start, end));
      number = number * 10 + byte - 0x30;
    }
    return number;
  }
}

/** The values of entries, the last of each key. @param entries Of `readEntries`. */
export function valuesOf(source: JsonSource, entries: readonly number[]): ReadonlyMap<string, JsonValue> {
  const values = new Map<string, JsonValue>();
  for (let i = 0; i < entries.length; i += 6) {
    const name = source.string(entries[i] ?? 0, entries[i + 1] ?? 0, entries[i + 2] === 1);
    values.set(name, source.value(entries[i + 3] ?? 0, entries[i + 4] ?? 0, entries[i + 5] ?? 0));
  }
  return values;
}

/** For each entry: start and end of its key, whether that has escapes, start, end and facts of its value. */
export function readEntries(reader: JsonReader): number[] {
  const entries: number[] = [];
  reader.enter();
  for (let first = true; reader.nextKey(first); first = false) {
    const { keyStart, keyEnd, keyEscaped, at } = reader;
    reader.skipValue();
    entries.push(keyStart, keyEnd, keyEscaped ? 1 : 0, at, reader.at, factsOf(reader));
  }
  return entries;
}
