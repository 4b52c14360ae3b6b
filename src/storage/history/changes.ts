/** Which of the writes of one commit are changes, in the adapters that compare them themselves. */

import { isBelow, type Horizon } from '../horizon.js';
import { compareRows } from '../order.js';
import type { FieldRow } from '../port.js';
import type { FieldEntry } from './port.js';

/** A change of a field without its place and time. */
export type FieldStep = Pick<FieldEntry, 'path' | 'before' | 'after' | 'author'>;

/**
 * The changes that a row and those that it replaced make to a field.
 *
 * @param writes All of one field.
 * @param current What is stored.
 */
export function stepsOf(
  writes: readonly FieldRow[],
  current: FieldRow | undefined,
  horizon: Horizon | undefined,
): FieldStep[] {
  const wins = (row: FieldRow): boolean =>
    current === undefined ? horizon === undefined || !isBelow(row, horizon) : compareRows(row, current) > 0;
  const steps: FieldStep[] = [];
  let before = valueOf(current);
  for (const row of writes.filter(wins).sort(compareRows)) {
    const after = valueOf(row);
    const { path, userId, clientId } = row;
    if (after !== before) steps.push({ path, before, after, author: { userId, clientId } });
    before = after;
  }
  return steps;
}

/** Bytes of the values of an entry, about. */
export function bytesOf({ path, before, after }: Pick<FieldStep, 'path' | 'before' | 'after'>): number {
  return path.length + (before?.length ?? 0) + (after?.length ?? 0);
}

function valueOf(row: FieldRow | undefined): string | null {
  return row === undefined || row.deleted ? null : row.value;
}
