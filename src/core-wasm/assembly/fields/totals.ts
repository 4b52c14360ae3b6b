/** What a document counts of its live fields and of its tombstones. */
import { footprint } from '../memory/blocks';
import { Document } from './document';
import { Field } from './field';

/** Counts a field into the document's totals; `forget` takes it out again. */
export function count(document: Document, field: Field): void {
  if (field.deleted) {
    document.tombstoneText += footprint(field.capacity);
  } else {
    document.live++;
    document.stateBytes += entryLength(field);
  }
}

export function forget(document: Document, field: Field): void {
  if (field.deleted) {
    document.tombstoneText -= footprint(field.capacity);
  } else {
    document.live--;
    document.stateBytes -= entryLength(field);
  }
}

/** Key, colon, value and a comma; the state's braces make up for the last comma. */
function entryLength(field: Field): f64 {
  return <f64>field.keyLength + <f64>field.valueLength + 2;
}
