/** What is common to environments whose keys are texts and whose values are msgpack. */
import { Unpackr } from 'msgpackr';
import { CorruptEntry } from '../format.js';

const unpackr = new Unpackr();

export type Value = Readonly<Record<string, unknown>>;

/** A key such as `kind:rest`. */
export function partsOf(key: Buffer): readonly [kind: string, rest: string | undefined] {
  const text = key.toString();
  const end = text.indexOf(':');
  return end === -1 ? [text, undefined] : [text.slice(0, end), text.slice(end + 1)];
}

/** @throws CorruptEntry */
export function unpack(bytes: Buffer): unknown {
  try {
    return unpackr.unpack(bytes) as unknown;
  } catch (cause) {
    throw new CorruptEntry('it is not msgpack', { cause });
  }
}

export function isObject(value: unknown): value is Value {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isNumber(value: unknown): boolean {
  return typeof value === 'number';
}

export function areTexts(...values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === 'string');
}
