/** Edits as the bytes that the core reads. */
import type { TextEdit } from './text-edit.js';

/** As in `assembly/text/changes/write-changes.ts`. */
const FORMAT = 1;
const DELETED = 1;
const HAS_LEFT = 2;
const HAS_RIGHT = 4;
/** Most bytes of a number. */
const MOST_BYTES = 8;

/** An edit in the form of `changesSince`. @param clock Of the text. */
export function encodeEdit({ author, inserts, marks }: TextEdit, clock: number): Uint8Array {
  const names = new Names();
  const entries = new Bytes();
  entries.number(inserts.length);
  let before = 0;
  for (const { text, clock: own, left, right } of inserts) {
    entries.number(names.indexOf(author)).number(own - before);
    before = own;
    entries.number((left === undefined ? 0 : HAS_LEFT) | (right === undefined ? 0 : HAS_RIGHT));
    for (const origin of [left, right]) {
      if (origin !== undefined) entries.number(names.indexOf(origin.author)).number(own - origin.clock);
    }
    entries.text(text);
  }
  entries.number(marks.length);
  before = 0;
  for (const mark of marks.toSorted((a, b) => a.last - b.last)) {
    entries.number(names.indexOf(mark.author)).number(mark.last - before);
    before = mark.last;
    entries.number(mark.deleted ? DELETED : 0).number(mark.last - mark.first + 1);
  }
  // No client id: the one that the text has stays.
  const head = new Bytes().number(FORMAT).number(clock).number(0).number(names.all.length);
  for (const name of names.all) head.text(name).number(0);
  return Buffer.concat([head.written, entries.written]);
}

class Names {
  readonly all: string[] = [];
  readonly #places = new Map<string, number>();

  indexOf(name: string): number {
    let place = this.#places.get(name);
    if (place === undefined) {
      place = this.all.push(name) - 1;
      this.#places.set(name, place);
    }
    return place;
  }
}

/** Growing bytes of numbers and texts, as the core reads them. */
class Bytes {
  #bytes = Buffer.allocUnsafe(256);
  #length = 0;

  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  number(value: number): this {
    this.#reserve(MOST_BYTES);
    for (; value >= 0x80; value = Math.floor(value / 0x80)) this.#bytes[this.#length++] = (value % 0x80) | 0x80;
    this.#bytes[this.#length++] = value;
    return this;
  }

  text(text: string): this {
    const length = Buffer.byteLength(text);
    this.number(length).#reserve(length);
    this.#length += this.#bytes.write(text, this.#length);
    return this;
  }

  #reserve(length: number): void {
    const needed = this.#length + length;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}
