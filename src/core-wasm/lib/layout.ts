/**
 * What the core writes into its result area, as offsets in bytes from the start of a record. The other side of
 * `assembly/memory/result.ts`, `assembly/fields/record.ts` and `assembly/fields/writers.ts`.
 */

/** The u32 at the start of the area tells where the next call has to start, 0 at the end; then come the records. */
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
