/** The tombstones of a document, the older ones or all. */
import { continueAt, recordAt, recordRoom } from '../memory/result';
import { Document, fieldAt } from './document';
import { isHole } from './field';
import { FIELD_RECORD, writeFieldRecord } from './record';

/** Puts the next tombstones with a stamp up to `stamp`, from an index on, into the result area and returns how many. */
export function nextTombstones(document: Document, from: u32, stamp: f64): u32 {
  const count = document.count;
  const room = recordRoom(FIELD_RECORD);
  let found: u32 = 0;
  let index = from;
  for (; index < count && found < room; index++) {
    const field = fieldAt(document, index);
    if (isHole(field) || !field.deleted || field.stamp > stamp) continue;
    writeFieldRecord(recordAt(found++, FIELD_RECORD), field);
  }
  continueAt(index == count ? 0 : index);
  return found;
}
