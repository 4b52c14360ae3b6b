/**
 * The writers of a document, by client id. They are counted by the fields that name them. A writer without fields stays
 * until the table is full and is dropped then: the memory of a document depends on its fields, not on how many clients
 * ever wrote to it.
 */
import { release } from '../memory/blocks';
import { hashBytes } from '../memory/hash';
import {
  firstSlot,
  freeTable,
  hashAt,
  insert,
  isFull,
  makeTable,
  nextSlot,
  referenceAt,
  tableFootprint,
} from '../memory/table';
import { Document } from './document';
import { FIRST_WRITER_SLOTS, isWriter, makeWriter, Writer, writerFootprint } from './writer';

/** The writer with this id, or null. */
export function findWriter(document: Document, id: usize, length: u32, hash: u32): Writer | null {
  const writers = document.writers;
  for (let slot = firstSlot(writers, hash); referenceAt(writers, slot) != 0; slot = nextSlot(writers, slot)) {
    if (hashAt(writers, slot) != hash) continue;
    const writer = changetype<Writer>(referenceAt(writers, slot));
    if (isWriter(writer, id, length)) return writer;
  }
  return null;
}

/** Counts one more field for the writer with this id, which is made if need be. */
export function acquireWriter(document: Document, id: usize, length: u32): Writer {
  const hash = hashBytes(id, length);
  const known = findWriter(document, id, length, hash);
  if (known) {
    known.fields++;
    return known;
  }
  if (isFull(document.writers)) sweep(document);
  const writer = makeWriter(id, length);
  insert(document.writers, hash, <u32>changetype<usize>(writer));
  document.bytes += writerFootprint(writer);
  return writer;
}

/**
 * Drops the writers without fields and makes a table that is at most half as full as allowed, so that the next sweep is
 * as far away as this one was costly.
 */
function sweep(document: Document): void {
  const old = document.writers;
  let alive: u32 = 0;
  for (let slot: u32 = 0; slot <= old.mask; slot++) {
    const reference = referenceAt(old, slot);
    if (reference != 0 && changetype<Writer>(reference).fields != 0) alive++;
  }
  let slots = FIRST_WRITER_SLOTS;
  while (slots * 3 <= alive * 8) slots *= 2;

  const swept = makeTable(slots);
  document.bytes += tableFootprint(swept);
  for (let slot: u32 = 0; slot <= old.mask; slot++) {
    const reference = referenceAt(old, slot);
    if (reference == 0) continue;
    const writer = changetype<Writer>(reference);
    if (writer.fields != 0) {
      insert(swept, hashAt(old, slot), reference);
    } else {
      document.bytes -= writerFootprint(writer);
      release(reference);
    }
  }
  document.bytes -= tableFootprint(old);
  freeTable(old);
  document.writers = swept;
}
