/**
 * The horizon of a document: how far the order of writes reached in the tombstones that were purged. A write of a field
 * that is absent is taken only from beyond it, since nobody knows any more whether an older one was removed.
 */

import { compareRows } from './order.js';
import type { FieldRow, Horizon } from './port.js';

export type { Horizon, Purge } from './port.js';

/** Whether a write is at or below the horizon, so that it counts only if its field is there. */
export function isBelow(write: Pick<FieldRow, 'timestamp' | 'counter' | 'clientId'>, horizon: Horizon): boolean {
  return compareOrders(write, horizon) <= 0;
}

/** The horizon of what was purged under either; undefined if there is none. Commutative, associative, idempotent. */
export function mergeHorizons(a: Horizon | undefined, b: Horizon | undefined): Horizon | undefined {
  const [first, second] = a === undefined ? [b, b] : [a, b ?? a];
  if (first === undefined || second === undefined) return undefined;
  const { timestamp, counter, clientId } = compareOrders(first, second) < 0 ? second : first;
  return { timestamp, counter, clientId, stamp: Math.max(first.stamp, second.stamp) };
}

/** The horizon after tombstones are purged. */
export function horizonOf(fields: readonly FieldRow[], before?: Horizon): Horizon | undefined {
  return fields.reduce<Horizon | undefined>(mergeHorizons, before);
}

/** Whether a horizon covers all that another one does. */
export function covers(horizon: Horizon | undefined, other: Horizon | undefined): boolean {
  if (other === undefined) return true;
  return horizon !== undefined && horizon.stamp >= other.stamp && compareOrders(horizon, other) >= 0;
}

function compareOrders(a: Omit<Horizon, 'stamp'>, b: Omit<Horizon, 'stamp'>): number {
  return compareRows({ ...orderOf(a), value: '' }, { ...orderOf(b), value: '' });
}

function orderOf({ timestamp, counter, clientId }: Omit<Horizon, 'stamp'>): Omit<Horizon, 'stamp'> {
  return { timestamp, counter, clientId };
}
