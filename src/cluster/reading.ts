/** How what came over the bus is looked at: nothing is believed, and nothing throws. */
import type { Unpackr } from 'msgpackr';

/** What bytes hold, if that is a msgpack array. */
export function unpackArray(unpackr: Unpackr, bytes: Uint8Array): readonly unknown[] | undefined {
  try {
    const value: unknown = unpackr.unpack(bytes);
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** All items of a list, or undefined if it is none or one of them can't be read. */
export function listOf<Item>(value: unknown, read: (item: unknown) => Item | undefined): Item[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const items: Item[] = [];
  for (const item of value as readonly unknown[]) {
    const parsed = read(item);
    if (parsed === undefined) return undefined;
    items.push(parsed);
  }
  return items;
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

export function isNumber(value: unknown): value is number {
  return Number.isFinite(value);
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed();
}
