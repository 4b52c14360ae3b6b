/** Values that jsonb can't hold, or only at a cost: they are stored as text alone. */

/** Digits that numbers may take in jsonb beyond the length of the value: it writes `1e400` with 401. */
const SPARE_DIGITS = 1_000;

/** Whether a value, valid JSON, has a place in jsonb: no NUL, no half of a surrogate pair, no vast number. */
export function fitsJsonb(json: string): boolean {
  return !hasUnfitEscape(json) && !hasVastNumbers(json);
}

/** An escape, or a pair of them that stands for one character. */
const escapes = /\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}|u([0-9a-fA-F]{4})|.)/gs;

function hasUnfitEscape(json: string): boolean {
  // Rare: clients escape only control characters and lone surrogates by their numbers.
  if (!json.includes('\\u')) return false;
  // One after the other, as in `\\u0000` the backslash is escaped and no NUL is meant.
  for (const [, , code] of json.matchAll(escapes)) {
    if (code === undefined) continue;
    const unit = parseInt(code, 16);
    if (unit === 0 || (unit >= 0xd800 && unit <= 0xdfff)) return true;
  }
  return false;
}

const suspicious = /\d[eE][-+\d]|\d{500}/;
const numeral = /-?(\d+(?:\.\d+)?)(?:[eE]([-+]?\d+))?/y;

/**
 * jsonb keeps all digits and writes none as an exponent: sixty kilobytes of `1e131071` would be a gigabyte of text, and
 * from 10^131072 on it refuses numbers.
 */
function hasVastNumbers(json: string): boolean {
  if (json.startsWith('"') || !suspicious.test(json)) return false;
  let spare = SPARE_DIGITS + json.length;
  let at = 0;
  while (at < json.length) {
    if (json[at] === '"') {
      at = endOfString(json, at);
      continue;
    }
    numeral.lastIndex = at;
    const [text, digits = '', exponent = '0'] = numeral.exec(json) ?? [];
    if (text === undefined) {
      at++;
      continue;
    }
    spare -= Math.abs(Number(exponent));
    // Even so many take long to turn into a number.
    if (spare < 0 || digits.length > SPARE_DIGITS) return true;
    at += text.length;
  }
  return false;
}

function endOfString(json: string, from: number): number {
  let at = from + 1;
  while (at < json.length && json[at] !== '"') at += json[at] === '\\' ? 2 : 1;
  return at + 1;
}
