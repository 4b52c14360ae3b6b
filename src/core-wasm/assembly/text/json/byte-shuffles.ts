/**
 * Shuffle tables that drop some of eight bytes, or put a backslash before some of them, in one instruction. A table has
 * an entry for each subset of the eight, as a bit mask: the source index of each byte of the result.
 */
import { allocate } from '../../memory/blocks';

/** Source index of the unused bytes of a result; a shuffle makes them 0. */
const NOWHERE: u32 = 0xff;
/** The upper half of the input of a widening shuffle holds backslashes. */
const BACKSLASHES: u32 = 8;

/** By the set of bytes to drop: the source indices of the others, eight bytes an entry. */
export const narrowing: usize = makeNarrowing();

/** By the set of bytes to escape: the source indices of all bytes and the backslashes, sixteen bytes an entry. */
export const widening: usize = makeWidening();

function makeNarrowing(): usize {
  const table = allocate(256 * 8);
  memory.fill(table, <u8>NOWHERE, 256 * 8);
  for (let set: u32 = 0; set < 256; set++) {
    let at = table + (set << 3);
    for (let byte: u32 = 0; byte < 8; byte++) {
      if (!(set & (1 << byte))) store<u8>(at++, byte);
    }
  }
  return table;
}

function makeWidening(): usize {
  const table = allocate(256 * 16);
  memory.fill(table, <u8>NOWHERE, 256 * 16);
  for (let set: u32 = 0; set < 256; set++) {
    let at = table + (set << 4);
    for (let byte: u32 = 0; byte < 8; byte++) {
      if (set & (1 << byte)) store<u8>(at++, BACKSLASHES);
      store<u8>(at++, byte);
    }
  }
  return table;
}
