/** Fields that leave a document without a trace. */
import { allocate, footprint, release } from '../memory/blocks';
import { copyBytes } from '../memory/bytes';
import { hashBytes } from '../memory/hash';
import { inputArea } from '../memory/input';
import { freeTable, hashAt, insert, makeTable, referenceAt, tableFootprint } from '../memory/table';
import { Document, FIELD, FIRST_FIELDS, FIRST_SLOTS, fieldAt, findField } from './document';
import { isHole, makeHole } from './field';
import { forget } from './totals';

/** Fewer holes are not worth closing. */
const FEW_HOLES: u32 = 8;

/** Erases the field with the path in the input area. Returns whether there was one. */
export function eraseField(document: Document, pathLength: u32): bool {
  const path = inputArea();
  const field = findField(document, path, pathLength, hashBytes(path, pathLength));
  if (!field) return false;
  forget(document, field);
  field.writer.fields--;
  document.bytes -= footprint(field.capacity);
  release(field.text);
  makeHole(field);
  document.holes++;
  // So that closing costs no more for each field than erasing it did.
  if (document.holes > FEW_HOLES && document.holes * 2 >= document.count) closeHoles(document);
  return true;
}

/** Moves the fields together, in their order, into a block and a table of the size that they need. */
function closeHoles(document: Document): void {
  const count = document.count;
  const left = count - document.holes;
  let capacity = FIRST_FIELDS;
  while (capacity < left) capacity *= 2;
  let slots = FIRST_SLOTS;
  while (slots * 3 <= left * 8) slots *= 2;

  const fields = allocate(capacity * FIELD);
  const table = makeTable(slots);
  // Index of a field → its new index + 1, 0 for a hole.
  const moved = allocate(count * 4);
  let next: u32 = 0;
  for (let index: u32 = 0; index < count; index++) {
    const field = fieldAt(document, index);
    if (isHole(field)) {
      store<u32>(moved + index * 4, 0);
      continue;
    }
    copyBytes(fields + next * FIELD, changetype<usize>(field), FIELD);
    store<u32>(moved + index * 4, ++next);
  }
  const old = document.places;
  for (let slot: u32 = 0; slot <= old.mask; slot++) {
    const reference = referenceAt(old, slot);
    if (reference == 0) continue;
    const place = load<u32>(moved + (reference - 1) * 4);
    if (place != 0) insert(table, hashAt(old, slot), place);
  }
  document.bytes += footprint(capacity * FIELD) - footprint(document.capacity * FIELD);
  document.bytes += tableFootprint(table) - tableFootprint(old);
  release(moved);
  release(document.fields);
  freeTable(old);
  document.fields = fields;
  document.places = table;
  document.count = left;
  document.capacity = capacity;
  document.holes = 0;
}
