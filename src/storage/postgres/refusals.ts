/** Rows that Postgres can never store, found without asking it. */

import type { FieldRow } from '../port.js';

/** Why every commit would refuse such a row, as far as it is known without asking the database, or undefined. */
export function reasonAgainst({ path, value, clientId }: Pick<FieldRow, 'path' | 'value' | 'clientId'>) {
  if (path.includes('\0')) return 'the field name holds a NUL character, which Postgres cannot store';
  if (clientId.includes('\0')) return 'the client id holds a NUL character, which Postgres cannot store';
  return reasonAgainstJson(value);
}

/** An escape, or a pair of them that stands for one character. */
const escapes = /\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}|u([0-9a-fA-F]{4})|.)/gs;

function reasonAgainstJson(json: string): string | undefined {
  // Rare: JSON.stringify escapes only control characters and lone surrogates by their numbers.
  if (!json.includes('\\u')) return undefined;
  // One after the other, as in `\\u0000` the backslash is escaped and no NUL is meant.
  for (const [, , code] of json.matchAll(escapes)) {
    if (code === undefined) continue;
    const unit = parseInt(code, 16);
    if (unit === 0) return 'the value holds a NUL character (\\u0000), which Postgres cannot store';
    if (unit >= 0xd800 && unit <= 0xdfff) return 'the value holds a lone surrogate, which Postgres cannot store';
  }
  return undefined;
}
