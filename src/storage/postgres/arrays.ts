/**
 * Arrays in Postgres' binary format, so that neither side formats and parses digits and quoted strings. The driver sends
 * a Buffer as it is. The layout is that of array_recv in Postgres' arrayfuncs.c, everything big-endian:
 *
 *   array   = i32 dimensions · i32 0 (holds no nulls) · u32 type of the elements · [i32 count · i32 1] · element*
 *   element = i32 length · bytes
 */

import pg from 'pg';

const { BOOL, INT4, INT8, TEXT } = pg.types.builtins;

const HEADER_BYTES = 20;
const HIGH = 0x1_0000_0000;

/** How the arrays of a statement's parameters are encoded for the driver: one-dimensional, without nulls. */
export interface ArrayEncoding {
  readonly text: (values: readonly string[]) => unknown;
  /** Of safe integers. */
  readonly bigint: (values: readonly number[]) => unknown;
  readonly integer: (values: readonly number[]) => unknown;
  readonly boolean: (values: readonly boolean[]) => unknown;
}

/** A `text[]`; strings as UTF-8, without NUL characters and lone surrogates. */
export function textArray(values: readonly string[]): Buffer {
  const lengths = values.map((value) => Buffer.byteLength(value));
  const bytes = begin(
    TEXT,
    values.length,
    lengths.reduce((sum, length) => sum + length, 0),
  );
  let at = HEADER_BYTES;
  values.forEach((value, i) => {
    at = bytes.writeInt32BE(lengths[i] ?? 0, at);
    at += bytes.write(value, at);
  });
  return bytes;
}

/** A `bigint[]`, 8 bytes an element, of safe integers (up to ±(2^53 - 1)). */
export function bigintArray(values: readonly number[]): Buffer {
  const bytes = begin(INT8, values.length, values.length * 8);
  let at = HEADER_BYTES;
  for (const value of values) {
    const high = Math.floor(value / HIGH);
    at = bytes.writeInt32BE(8, at);
    at = bytes.writeInt32BE(high, at);
    at = bytes.writeUInt32BE(value - high * HIGH, at);
  }
  return bytes;
}

/** An `integer[]`, 4 bytes an element, of integers of 32 bits. */
export function integerArray(values: readonly number[]): Buffer {
  const bytes = begin(INT4, values.length, values.length * 4);
  let at = HEADER_BYTES;
  for (const value of values) {
    at = bytes.writeInt32BE(4, at);
    at = bytes.writeInt32BE(value, at);
  }
  return bytes;
}

/** A `boolean[]`, 1 byte an element. */
export function booleanArray(values: readonly boolean[]): Buffer {
  const bytes = begin(BOOL, values.length, values.length);
  let at = HEADER_BYTES;
  for (const value of values) {
    at = bytes.writeInt32BE(1, at);
    at = bytes.writeUInt8(value ? 1 : 0, at);
  }
  return bytes;
}

/** All arrays in binary, as Buffers. */
export const binaryArrays: ArrayEncoding = {
  text: textArray,
  bigint: bigintArray,
  integer: integerArray,
  boolean: booleanArray,
};

/** An array up to its first element. @param size Bytes of all elements without their length prefixes. */
function begin(type: number, count: number, size: number): Buffer {
  // An empty array has no dimensions.
  if (count === 0) {
    const empty = Buffer.alloc(12);
    empty.writeUInt32BE(type, 8);
    return empty;
  }
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + 4 * count + size);
  bytes.writeInt32BE(1, 0);
  bytes.writeInt32BE(0, 4);
  bytes.writeUInt32BE(type, 8);
  bytes.writeInt32BE(count, 12);
  bytes.writeInt32BE(1, 16);
  return bytes;
}
