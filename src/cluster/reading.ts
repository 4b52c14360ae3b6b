/** Checks for the elements of a received message. None of them throws. */
import type { Unpackr } from 'msgpackr';

/** Unpacks a msgpack array; undefined if the bytes are something else. */
export function unpackArray(unpackr: Unpackr, bytes: Uint8Array): readonly unknown[] | undefined {
  try {
    const value: unknown = unpackr.unpack(bytes);
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** All items of an array, or undefined if it is none or if `read` refuses one of them. */
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

/** A safe integer, 0 or more. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** A finite number. */
export function isNumber(value: unknown): value is number {
  return Number.isFinite(value);
}

/** A string without lone surrogates. */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed();
}
