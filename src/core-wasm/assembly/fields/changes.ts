/** Which fields a client has not seen, given the largest stamp that it has seen of each writer. */
import { hashBytes } from '../memory/hash';
import { inputArea } from '../memory/input';
import { continueAt, recordAt, recordRoom } from '../memory/result';
import { referenceAt } from '../memory/table';
import { Document, fieldAt } from './document';
import { findWriter } from './document-writers';
import { isHole } from './field';
import { FIELD_RECORD, writeFieldRecord } from './record';
import { Writer } from './writer';

/** Starts with the empty vector: 0 for every writer. */
export function startVector(document: Document): void {
  const writers = document.writers;
  for (let slot: u32 = 0; slot <= writers.mask; slot++) {
    const reference = referenceAt(writers, slot);
    if (reference != 0) changetype<Writer>(reference).mark = 0;
  }
}

/** An entry of the vector for the client id in the input area. Unknown ids are ignored. */
export function addVectorEntry(document: Document, clientLength: u32, seen: f64): void {
  const id = inputArea();
  const writer = findWriter(document, id, clientLength, hashBytes(id, clientLength));
  if (writer) writer.mark = seen;
}

/** Puts the next unseen fields, from an index on, into the result area and returns how many. */
export function nextChanges(document: Document, from: u32): u32 {
  const count = document.count;
  const room = recordRoom(FIELD_RECORD);
  let found: u32 = 0;
  let index = from;
  for (; index < count && found < room; index++) {
    const field = fieldAt(document, index);
    if (!isHole(field) && field.stamp > field.writer.mark) writeFieldRecord(recordAt(found++, FIELD_RECORD), field);
  }
  continueAt(index == count ? 0 : index);
  return found;
}
