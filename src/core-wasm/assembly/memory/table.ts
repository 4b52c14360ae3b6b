/**
 * A hash table with open addressing and linear probing: one block with a small head and slots of (hash, reference).
 * A reference is any number but 0; the user defines what it means and when two keys are equal. The hash in the slot
 * avoids nearly every comparison with a wrong key, and growing needs no key at all.
 */
import { allocate, footprint, release } from './blocks';

@unmanaged
export class Table {
  /** Number of slots, a power of two, minus one. */
  mask: u32;
  /** Slots in use. */
  used: u32;
}

const HEAD: u32 = 8;
const SLOT: u32 = 8;

/** An empty table of `slots` slots, a power of two. */
export function makeTable(slots: u32): Table {
  const table = changetype<Table>(allocate(HEAD + slots * SLOT));
  table.mask = slots - 1;
  table.used = 0;
  memory.fill(changetype<usize>(table) + HEAD, 0, slots * SLOT);
  return table;
}

export function freeTable(table: Table): void {
  release(changetype<usize>(table));
}

export function tableFootprint(table: Table): u32 {
  return footprint(HEAD + (table.mask + 1) * SLOT);
}

/** Whether the next insertion would make the table more than three quarters full. */
export function isFull(table: Table): bool {
  return table.used * 4 >= (table.mask + 1) * 3;
}

/** The slot where the search for a hash starts. Follow `nextSlot` until `referenceAt` is 0. */
export function firstSlot(table: Table, hash: u32): u32 {
  return hash & table.mask;
}

export function nextSlot(table: Table, slot: u32): u32 {
  return (slot + 1) & table.mask;
}

export function hashAt(table: Table, slot: u32): u32 {
  return load<u32>(changetype<usize>(table) + slot * SLOT, HEAD);
}

export function referenceAt(table: Table, slot: u32): u32 {
  return load<u32>(changetype<usize>(table) + slot * SLOT, HEAD + 4);
}

/** Adds a key that isn't in the table. There must be an empty slot. */
export function insert(table: Table, hash: u32, reference: u32): void {
  let slot = firstSlot(table, hash);
  while (referenceAt(table, slot) != 0) slot = nextSlot(table, slot);
  const place = changetype<usize>(table) + slot * SLOT;
  store<u32>(place, hash, HEAD);
  store<u32>(place, reference, HEAD + 4);
  table.used++;
}

/** Frees the table and returns one of twice the size with the same content. */
export function doubled(table: Table): Table {
  const slots = table.mask + 1;
  const larger = makeTable(slots * 2);
  for (let slot: u32 = 0; slot < slots; slot++) {
    const reference = referenceAt(table, slot);
    if (reference != 0) insert(larger, hashAt(table, slot), reference);
  }
  freeTable(table);
  return larger;
}
