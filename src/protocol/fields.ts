import { isClaim } from './claims.js';
import { clockOf, isCount, type Clock } from './clock.js';
import { JsonFault, type JsonReader } from './json/json-reader.js';
import { ESCAPED, factsOf, JsonSource, readEntries, valuesOf, type JsonValue } from './json/json-source.js';
import type { LongStrings } from './json/long-string.js';
import { bytesAre } from './json/json-string.js';

/** Keys that mean something somewhere in a message; what comes under others is only checked. */
const keys = [
  'type',
  'id',
  'timestamp',
  'payload',
  'documentId',
  'messageId',
  'field',
  'value',
  'clock',
  'vectorClock',
  'stateVector',
  'clientId',
  'delta',
  'deltas',
  'state',
  'token',
  'apiKey',
] as const;

export type Key = (typeof keys)[number];

const keysByLength: readonly (readonly Key[])[] = Array.from({ length: 16 }, (_, length) =>
  keys.filter((key) => key.length === length),
);

/** What is looked into: other objects are values. */
type Level = 'message' | 'payload' | 'operation';

const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const QUOTE = 0x22;

/** Where fields lie, of one object or of several after each other. */
interface Found {
  readonly keys: (Key | undefined)[];
  readonly places: number[];
}

/**
 * The fields of a message or an operation: where they lie in its bytes, which must not change meanwhile. Of a key that
 * comes twice the last one counts. They are decoded when they are asked for, without JSON.parse: versions of V8 confuse
 * keys that are written with escapes.
 */
export class Fields {
  readonly #source: JsonSource;
  /** The keys found, of others too: these are from one index to the other. */
  readonly #keys: (Key | undefined)[];
  /** For each key: start and end of its value, facts about it. */
  readonly #places: number[];
  #from = 0;
  #to = 0;
  #start = 0;
  #end = 0;
  /** The elements of `deltas`; undefined for one that is no object. */
  #deltas: (Fields | undefined)[] | undefined;
  /** Of `delta`: for each entry, start and end of its key, whether that has escapes, start, end and facts of its value. */
  #delta: number[] | undefined;
  #payload: Fields | undefined;

  private constructor(source: JsonSource, found: Found = { keys: [], places: [] }) {
    this.#source = source;
    this.#keys = found.keys;
    this.#places = found.places;
  }

  /** Reads all of the text. @throws JsonFault when it is not JSON or no object. */
  static read(bytes: Buffer, start: number, end: number, strings?: LongStrings): Fields {
    const source = new JsonSource(bytes, start, end, strings);
    if (source.reader.peek() !== OPEN_BRACE) throw new JsonFault();
    const fields = new Fields(source);
    fields.#read('message');
    source.reader.finish();
    return fields;
  }

  /** The entries of an object, the last of each key; undefined for anything else. @throws JsonFault */
  static entries(json: string): ReadonlyMap<string, JsonValue> | undefined {
    const bytes = Buffer.from(json);
    const source = new JsonSource(bytes, 0, bytes.length);
    const isObject = source.reader.peek() === OPEN_BRACE;
    const entries = isObject ? readEntries(source.reader) : undefined;
    if (!isObject) source.reader.skipValue();
    source.reader.finish();
    return entries && valuesOf(source, entries);
  }

  #read(level: Level): void {
    const { reader } = this.#source;
    const found = this.#keys;
    const places = this.#places;
    this.#from = found.length;
    this.#start = reader.at;
    reader.enter();
    for (let first = true; reader.nextKey(first); first = false) {
      const key = keyOf(reader);
      const start = reader.at;
      if (key === undefined || level === 'operation' || !this.#readPart(key, level)) reader.skipValue();
      if (key === undefined) continue;
      found.push(key);
      places.push(start, reader.at, factsOf(reader));
    }
    this.#to = found.length;
    this.#end = reader.at;
  }

  /** Reads what a message has parts in; false when the value is none of it. */
  #readPart(key: Key, level: Level): boolean {
    const { reader } = this.#source;
    const byte = reader.bytes[reader.at];
    if (key === 'deltas' && byte === OPEN_BRACKET) {
      this.#readDeltas();
    } else if (key === 'delta' && byte === OPEN_BRACE) {
      this.#delta = readEntries(reader);
    } else if (key === 'payload' && level === 'message') {
      this.#payload = undefined;
      if (byte !== OPEN_BRACE) return false;
      this.#payload = new Fields(this.#source);
      this.#payload.#read('payload');
    } else {
      return false;
    }
    return true;
  }

  #readDeltas(): void {
    const source = this.#source;
    const { reader } = source;
    const found: Found = { keys: [], places: [] };
    const deltas: (Fields | undefined)[] = (this.#deltas = []);
    reader.enter();
    for (let first = true; reader.nextElement(first); first = false) {
      let entry: Fields | undefined;
      if (reader.bytes[reader.at] === OPEN_BRACE) (entry = new Fields(source, found)).#read('operation');
      else reader.skipValue();
      deltas.push(entry);
    }
  }

  /** With the fields of `payload` in place of the message's own; what names the message (`type`, `id`) stays. */
  flatten(): Fields {
    const payload = this.#payload;
    if (payload === undefined) return this;
    const own = payload.#keys.map((key) => (key === 'type' || key === 'id' ? undefined : key));
    const flat = new Fields(this.#source, {
      keys: [...this.#keys, ...own],
      places: [...this.#places, ...payload.#places],
    });
    flat.#start = this.#start;
    flat.#end = this.#end;
    flat.#to = flat.#keys.length;
    flat.#deltas = payload.has('deltas') ? payload.#deltas : this.#deltas;
    flat.#delta = payload.has('delta') ? payload.#delta : this.#delta;
    return flat;
  }

  has(key: Key): boolean {
    return this.#find(key) >= 0;
  }

  /** Whether the field is absent or null. */
  isNothing(key: Key): boolean {
    const first = this.#firstByte(key);
    // No other value begins with it.
    return first === undefined || first === 0x6e;
  }

  isObject(key: Key): boolean {
    return this.#firstByte(key) === OPEN_BRACE;
  }

  /** Whether the field is a string that stands for this ASCII text. */
  isText(key: Key, text: string): boolean {
    const at = this.#find(key);
    const { bytes } = this.#source;
    const start = this.#places[at] ?? 0;
    if (at < 0 || bytes[start] !== QUOTE) return false;
    const end = this.#places[at + 1] ?? 0;
    return bytesAre(bytes, start + 1, end - 1, text) || this.text(key) === text;
  }

  /** What the field stands for if it is a string; it may have lone surrogates. */
  text(key: Key): string | undefined {
    const at = this.#find(key);
    const source = this.#source;
    const start = this.#places[at] ?? 0;
    if (at < 0 || source.bytes[start] !== QUOTE) return undefined;
    return source.string(start + 1, (this.#places[at + 1] ?? 0) - 1, ((this.#places[at + 2] ?? 0) & ESCAPED) !== 0);
  }

  /** What stands between the quotes of the field if it is a string: a view. */
  content(key: Key): Buffer | undefined {
    if (this.#firstByte(key) !== QUOTE) return undefined;
    const at = this.#find(key);
    return this.#source.bytes.subarray((this.#places[at] ?? 0) + 1, (this.#places[at + 1] ?? 0) - 1);
  }

  /** The field if it is a number; one that no double holds is infinite. */
  number(key: Key): number | undefined {
    const at = this.#find(key);
    return at < 0 ? undefined : this.#source.number(this.#places[at] ?? 0, this.#places[at + 1] ?? 0);
  }

  /** The field as it came, or undefined when there is none. */
  value(key: Key): JsonValue | undefined {
    const at = this.#find(key);
    if (at < 0) return undefined;
    return this.#source.value(this.#places[at] ?? 0, this.#places[at + 1] ?? 0, this.#places[at + 2] ?? 0);
  }

  /** The whole object as it came. */
  whole(): JsonValue {
    const { reader } = this.#source;
    reader.at = this.#start;
    reader.skipValue();
    return this.#source.value(this.#start, this.#end, factsOf(reader));
  }

  /** The entries of an object, the last of each key, whose values are numbers or undefined for others. */
  counts(key: Key): ReadonlyMap<string, number | undefined> {
    const counts = new Map<string, number | undefined>();
    if (!this.isObject(key)) return counts;
    const source = this.#source;
    const { reader } = source;
    reader.at = this.#places[this.#find(key)] ?? 0;
    reader.enter();
    for (let first = true; reader.nextKey(first); first = false) {
      const name = source.string(reader.keyStart, reader.keyEnd, reader.keyEscaped);
      const start = reader.at;
      reader.skipValue();
      counts.set(name, source.number(start, reader.at));
    }
    return counts;
  }

  /**
   * The entry of a writer in an object of counts, and the largest; undefined when the field is no object or holds
   * anything but counts.
   */
  clock(key: Key, writer: string | undefined): Clock | undefined {
    const source = this.#source;
    const { reader } = source;
    const start = this.#places[this.#find(key)] ?? 0;
    if (!this.isObject(key)) return undefined;
    reader.at = start;
    reader.enter();
    // Most clocks have one entry.
    if (reader.nextKey(true)) {
      const name = source.string(reader.keyStart, reader.keyEnd, reader.keyEscaped);
      const from = reader.at;
      reader.skipValue();
      const count = source.number(from, reader.at);
      if (!reader.nextIsKey() && !isClaim(name))
        return isCount(count) ? { counter: name === writer ? count : undefined, max: count } : undefined;
    }
    return clockOf(this.counts(key), writer);
  }

  /** The elements of `deltas`, undefined for one that is no object; undefined when it is no array. */
  deltas(): readonly (Fields | undefined)[] | undefined {
    return this.#firstByte('deltas') === OPEN_BRACKET ? this.#deltas : undefined;
  }

  /** The entries of `delta`, the last of each key; undefined when it is no object. */
  delta(): ReadonlyMap<string, JsonValue> | undefined {
    return this.#delta === undefined || !this.isObject('delta') ? undefined : valuesOf(this.#source, this.#delta);
  }

  /** Where the place of the field begins, or -1. */
  #find(key: Key): number {
    const found = this.#keys;
    // Of a key that comes twice the last one counts.
    for (let i = this.#to - 1; i >= this.#from; i--) if (found[i] === key) return i * 3;
    return -1;
  }

  #firstByte(key: Key): number | undefined {
    const at = this.#find(key);
    return at < 0 ? undefined : this.#source.bytes[this.#places[at] ?? 0];
  }
}

function keyOf(reader: JsonReader): Key | undefined {
  const { keyStart, keyEnd } = reader;
  if (reader.keyEscaped) return keys.find((key) => reader.keyIs(key));
  const candidates = keysByLength[keyEnd - keyStart] ?? [];
  for (let i = 0; i < candidates.length; i++) {
    const key = candidates[i];
    if (key !== undefined && bytesAre(reader.bytes, keyStart, keyEnd, key)) return key;
  }
  return undefined;
}
