/** Which clients hold the last write of some field, and the largest stamp of each. */
import { continueAt, recordAt, recordRoom } from '../memory/result';
import { referenceAt } from '../memory/table';
import { Document, fieldAt } from './document';
import { isHole } from './field';
import { Writer, idOf } from './writer';

/** Layout: `writerRecord` in lib/layout.ts. */
const WRITER_RECORD: u32 = 16;

/**
 * Finds each writer's largest stamp by a walk over the fields: kept up to date with each write instead, it could not go
 * down again when the field that had it goes to another writer.
 */
export function collectWriters(document: Document): void {
  const writers = document.writers;
  for (let slot: u32 = 0; slot <= writers.mask; slot++) {
    const reference = referenceAt(writers, slot);
    if (reference != 0) changetype<Writer>(reference).mark = -Infinity;
  }
  const count = document.count;
  for (let index: u32 = 0; index < count; index++) {
    const field = fieldAt(document, index);
    if (isHole(field)) continue;
    const writer = field.writer;
    if (field.stamp > writer.mark) writer.mark = field.stamp;
  }
}

/** Puts the next writers, from a slot of the table on, into the result area and returns how many. */
export function nextWriters(document: Document, from: u32): u32 {
  const writers = document.writers;
  const room = recordRoom(WRITER_RECORD);
  let found: u32 = 0;
  let slot = from;
  for (; slot <= writers.mask && found < room; slot++) {
    const reference = referenceAt(writers, slot);
    if (reference == 0) continue;
    const writer = changetype<Writer>(reference);
    if (writer.fields == 0) continue;
    const record = recordAt(found++, WRITER_RECORD);
    store<f64>(record, writer.mark);
    store<usize>(record, idOf(writer), 8);
    store<u32>(record, writer.length, 12);
  }
  continueAt(slot > writers.mask ? 0 : slot);
  return found;
}
