/** The live fields as one JSON object. */
import { copyBytes } from '../memory/bytes';
import { Document, fieldAt } from './document';
import { isHole, valueOf } from './field';
import { writeKey } from './json';

/** Length of the JSON text in bytes. It may be more than a block can hold. */
export function stateLength(document: Document): f64 {
  return document.live == 0 ? 2 : document.stateBytes + 1;
}

/** Writes the JSON text, fields in the order of their first write, into a block of at least `stateLength` bytes. */
export function writeState(document: Document, target: usize): void {
  let at = target;
  const count = document.count;
  for (let index: u32 = 0; index < count; index++) {
    const field = fieldAt(document, index);
    if (isHole(field) || field.deleted) continue;
    store<u8>(at, at == target ? 0x7b : 0x2c);
    at = writeKey(at + 1, field.text, field.pathLength, field.keyLength);
    store<u8>(at++, 0x3a);
    copyBytes(at, valueOf(field), field.valueLength);
    at += field.valueLength;
  }
  if (at == target) store<u8>(at++, 0x7b);
  store<u8>(at, 0x7d);
}
