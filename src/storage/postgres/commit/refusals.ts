/** Rows that Postgres can never store, found without asking it. */

import type { FieldRow } from '../../port.js';

/** Why every commit would refuse such a row, as far as it is known without asking the database, or undefined. */
export function reasonAgainst({ path, clientId }: Pick<FieldRow, 'path' | 'clientId'>): string | undefined {
  if (path.includes('\0')) return 'the field name holds a NUL character, which Postgres cannot store';
  if (clientId.includes('\0')) return 'the client id holds a NUL character, which Postgres cannot store';
  return undefined;
}
