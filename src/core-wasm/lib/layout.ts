/**
 * What the core writes into its result area, as offsets in bytes from the start of a record. The other side of
 * `assembly/memory/result.ts`, `assembly/fields/record.ts` and `assembly/fields/writers.ts`; and the results of its calls.
 */

/** Offset of the records. The u32 at offset 0 of the area is where the next call has to start, 0 at the end. */
export const resultRecords = 8;

export const fieldRecord = {
  timestamp: 0,
  counter: 8,
  stamp: 16,
  deleted: 24,
  path: 28,
  pathLength: 32,
  value: 36,
  valueLength: 40,
  clientId: 44,
  clientIdLength: 48,
  size: 56,
} as const;

export const writerRecord = {
  stamp: 0,
  clientId: 8,
  clientIdLength: 12,
  size: 16,
} as const;

/** Address and length of what a call left in scratch memory, as `assembly/text/` writes them. */
export const bytesRecord = {
  address: 0,
  length: 4,
} as const;

/** A visible block, as `assembly/text/visible-blocks.ts` writes it. */
export const visibleRecord = {
  clock: 0,
  count: 8,
  units: 12,
  author: 16,
  name: 20,
  nameLength: 24,
  size: 32,
} as const;

/** Bits of the result of `textMerge`, and its refusals. The other side of `assembly/text/merge/merge.ts`. */
export const mergeAnswer = {
  changed: 1,
  same: 2,
  canonical: 4,
  invalid: -1,
  tooLarge: -2,
} as const;

/** The same for `textApply`, in `assembly/text/merge/apply.ts`. */
export const applyAnswer = {
  changed: 1,
  incomplete: 2,
  invalid: -1,
} as const;
