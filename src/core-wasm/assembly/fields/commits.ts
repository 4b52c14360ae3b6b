/** In which commits of the storage a document's fields are. */
import { hashBytes } from '../memory/hash';
import { inputArea } from '../memory/input';
import { continueAt, recordAt, recordRoom } from '../memory/result';
import { Document, fieldAt, findField } from './document';
import { isHole, noteCommit } from './field';
import { FIELD_RECORD, writeFieldRecord } from './record';

/**
 * The write with this stamp to the field in the input area was in a commit. A write that took its place meanwhile, or had
 * it already, has another stamp: clients may show the one of the commit, so that this one counts as no older.
 */
export function fieldCommitted(document: Document, pathLength: u32, stamp: f64, commit: f64): void {
  const path = inputArea();
  const field = findField(document, path, pathLength, hashBytes(path, pathLength));
  if (field) noteCommit(field, field.stamp == stamp, commit);
}

/** The number of the commit that stored the field in the input area; Infinity if it is not known. */
export function commitOf(document: Document, pathLength: u32): f64 {
  const path = inputArea();
  const field = findField(document, path, pathLength, hashBytes(path, pathLength));
  return field ? field.commit : Infinity;
}

/** Puts the next fields that no commit up to a number has stored, from an index on, into the result area. */
export function nextUncommitted(document: Document, upTo: f64, from: u32): u32 {
  const count = document.count;
  const room = recordRoom(FIELD_RECORD);
  let found: u32 = 0;
  let index = from;
  for (; index < count && found < room; index++) {
    const field = fieldAt(document, index);
    if (!isHole(field) && field.commit > upTo) writeFieldRecord(recordAt(found++, FIELD_RECORD), field);
  }
  continueAt(index == count ? 0 : index);
  return found;
}

/** Looks for a field with this stamp. Returns whether there is one; its record is the first result then. */
export function findStamp(document: Document, stamp: f64): bool {
  const count = document.count;
  for (let index: u32 = 0; index < count; index++) {
    const field = fieldAt(document, index);
    if (isHole(field) || field.stamp != stamp) continue;
    writeFieldRecord(recordAt(0, FIELD_RECORD), field);
    return true;
  }
  return false;
}
