/**
 * Tables for taking bytes out of eight, and for putting backslashes in front of some, all at once: for each set of the
 * eight, as the bits of a number, where each byte of the result comes from.
 */
import { allocate } from '../memory/blocks';

/** What a result doesn't need comes from here; a shuffle makes it 0. */
const NOWHERE: u32 = 0xff;
/** Backslashes lie in the upper half of what is widened. */
const BACKSLASHES: u32 = 8;

/** For a set of bytes to leave out, where the others come from: eight bytes a set. */
export const narrowing: usize = makeNarrowing();

/** For a set of bytes, where all eight come from with a backslash in front of those: sixteen bytes a set. */
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
