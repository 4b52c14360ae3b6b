/**
 * JSON as RFC 8259 and JSON.parse have it, in the plainest way. It stands for JSON.parse wherever keys may be written
 * with escapes: that of Node 24 and 25 gives other keys now and then.
 */

/** Whether JSON.parse of this engine gives the keys that are there. */
export const parsesKeys = !/^v2[45]\./.test(process.version);

/** @throws SyntaxError */
export function parseJson(text: string): unknown {
  let at = 0;
  const fail = (): never => {
    throw new SyntaxError(`not JSON at ${at}`);
  };
  const take = (expression: RegExp): string | undefined => {
    expression.lastIndex = at;
    const found = expression.exec(text)?.[0];
    at += found?.length ?? 0;
    return found;
  };
  const space = (): unknown => take(/[ \n\r\t]*/y);
  const sign = (wanted: string): boolean => {
    space();
    if (text[at] !== wanted) return false;
    at++;
    return true;
  };
  const string = (): string => {
    // eslint-disable-next-line no-control-regex -- these are what a string must not hold
    const found = take(/"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y) ?? fail();
    return JSON.parse(found) as string;
  };
  const value = (): unknown => {
    space();
    if (text[at] === '"') return string();
    if (sign('[')) {
      const list: unknown[] = [];
      if (sign(']')) return list;
      do list.push(value());
      while (sign(','));
      return sign(']') ? list : fail();
    }
    if (sign('{')) {
      const entries: [string, unknown][] = [];
      if (sign('}')) return {};
      do {
        space();
        const key = string();
        if (!sign(':')) fail();
        entries.push([key, value()]);
      } while (sign(','));
      return sign('}') ? Object.fromEntries(entries) : fail();
    }
    const word = take(/true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y);
    return word === undefined || word === '' ? fail() : (JSON.parse(word) as unknown);
  };
  const parsed = value();
  space();
  return at === text.length ? parsed : fail();
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
