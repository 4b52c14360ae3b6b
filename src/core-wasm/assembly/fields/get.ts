import { hashBytes } from '../memory/hash';
import { inputArea } from '../memory/input';
import { recordAt } from '../memory/result';
import { Document, findField } from './document';
import { FIELD_RECORD, writeFieldRecord } from './record';

/** Looks up the path in the input area. Returns whether there is such a field; its record is the first result then. */
export function getField(document: Document, pathLength: u32): bool {
  const path = inputArea();
  const field = findField(document, path, pathLength, hashBytes(path, pathLength));
  if (!field) return false;
  writeFieldRecord(recordAt(0, FIELD_RECORD), field);
  return true;
}
