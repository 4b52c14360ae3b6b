/**
 * The order of writes to one field, the same in every adapter, in the shards and on the other nodes: (timestamp,
 * counter, clientId, value), the strictly greater row wins.
 */

import type { FieldRow } from './port.js';

/** The fields of a row that decide its place in the order. */
export type OrderedRow = Pick<FieldRow, 'timestamp' | 'counter' | 'clientId' | 'value'>;

/**
 * Compares two writes of one field: negative when `a` loses to `b`, positive when it wins, 0 when they are the same
 * write. Strings are compared by their UTF-8 bytes and must not hold lone surrogates.
 */
export function compareRows(a: OrderedRow, b: OrderedRow): number {
  if (a.timestamp !== b.timestamp) return a.timestamp < b.timestamp ? -1 : 1;
  if (a.counter !== b.counter) return a.counter < b.counter ? -1 : 1;
  return compareUtf8(a.clientId, b.clientId) || compareUtf8(a.value, b.value);
}

/**
 * Compares two strings as their UTF-8 bytes compare, without encoding them. UTF-8 keeps the order of code points; so
 * does UTF-16, which JavaScript compares by, except that surrogates (code points above U+FFFF) come before U+E000.
 */
function compareUtf8(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const unitOfA = a.charCodeAt(i);
    const unitOfB = b.charCodeAt(i);
    if (unitOfA !== unitOfB) return rankInUtf8(unitOfA) - rankInUtf8(unitOfB);
  }
  return a.length - b.length;
}

/** Moves the surrogates after U+FFFF, to the code points that they encode. */
function rankInUtf8(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x2800 : unit;
}
