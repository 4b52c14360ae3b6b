/**
 * The area through which calls answer with more than a number. It has a fixed size: long lists come in several calls.
 * The u32 at offset 0 is where the next call has to start (0: that was all); records follow from offset 8.
 */
import { allocate } from './blocks';

const SIZE: u32 = 32 * 1024;
const RECORDS: u32 = 8;

// Not static memory: the module would carry 32 KB of zeros.
const area: usize = allocate(SIZE);

export function resultArea(): usize {
  return area;
}

/** Where record `index` lies, when each has `size` bytes. */
export function recordAt(index: u32, size: u32): usize {
  return area + RECORDS + index * size;
}

/** How many records of `size` bytes fit. */
export function recordRoom(size: u32): u32 {
  return (SIZE - RECORDS) / size;
}

export function continueAt(position: u32): void {
  store<u32>(area, position);
}
