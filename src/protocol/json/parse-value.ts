/**
 * What a JSON text stands for. JSON.parse of Node.js 24 and 25 now and then gives the keys of one object to another when
 * they are written with escapes, so texts with escapes are read here.
 *
 * @param text Valid JSON; objects and arrays in it are at most some hundred levels deep.
 */
export function parseValue(text: string): unknown {
  return text.includes('\\') ? new EscapedJson(text).value() : (JSON.parse(text) as unknown);
}

const spaces = /[ \n\r\t]*/y;
const strings = /"(?:[^"\\]|\\.)*"/y;
const words = /[^,\]} \n\r\t]+/y;

class EscapedJson {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(): unknown {
    this.#take(spaces);
    switch (this.#text[this.#at]) {
      case '{':
        return Object.fromEntries(this.#items('}', () => this.#entry()));
      case '[':
        return this.#items(']', () => this.value());
      case '"':
        return this.#string();
      default:
        return JSON.parse(this.#take(words)) as unknown;
    }
  }

  #items<T>(end: string, item: () => T): T[] {
    const items: T[] = [];
    do {
      this.#at++;
      this.#take(spaces);
      if (this.#text[this.#at] === end) break;
      items.push(item());
      this.#take(spaces);
    } while (this.#text[this.#at] === ',');
    this.#at++;
    return items;
  }

  #entry(): [key: string, value: unknown] {
    const key = this.#string();
    this.#take(spaces);
    this.#at++;
    return [key, this.value()];
  }

  /** A string alone is read as it should be. */
  #string(): string {
    return JSON.parse(this.#take(strings)) as string;
  }

  #take(expression: RegExp): string {
    expression.lastIndex = this.#at;
    const found = expression.exec(this.#text)?.[0];
    if (found === undefined) throw new SyntaxError(`not JSON at ${this.#at}`);
    this.#at += found.length;
    return found;
  }
}
