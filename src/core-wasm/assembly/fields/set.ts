/** The write: a last-writer-wins register per field. */
import { compareBytes } from '../memory/bytes';
import { hashBytes } from '../memory/hash';
import { inputArea } from '../memory/input';
import { Document, appendField, findField } from './document';
import { acquireWriter } from './document-writers';
import { Field, makeText, noteCommit, replaceValue, valueOf } from './field';
import { keyLength } from './json';
import { count, forget } from './totals';
import { idOf, isWriter } from './writer';

/**
 * Applies one write. The input area holds client id, path and value, concatenated. Returns whether the write was taken:
 * the field was new, or the write is strictly greater than the stored one, or `forced`.
 */
export function setField(
  document: Document,
  clientLength: u32,
  pathLength: u32,
  valueLength: u32,
  deleted: u32,
  forced: u32,
  timestamp: f64,
  counter: f64,
  stamp: f64,
  commit: f64,
): bool {
  const client = inputArea();
  const path = client + clientLength;
  const value = path + pathLength;
  const hash = hashBytes(path, pathLength);

  let field = findField(document, path, pathLength, hash);
  if (field) {
    if (!forced) {
      const order = compare(field, timestamp, counter, client, clientLength, value, valueLength);
      if (order <= 0) {
        noteCommit(field, order == 0, commit);
        return false;
      }
    }
    forget(document, field);
    if (!isWriter(field.writer, client, clientLength)) {
      field.writer.fields--;
      field.writer = acquireWriter(document, client, clientLength);
    }
    document.bytes += replaceValue(field, value, valueLength);
  } else {
    field = appendField(document, hash);
    field.writer = acquireWriter(document, client, clientLength);
    document.bytes += makeText(field, path, pathLength, value, valueLength);
    field.keyLength = keyLength(path, pathLength);
  }
  field.timestamp = timestamp;
  field.counter = counter;
  field.stamp = stamp;
  field.commit = commit;
  field.deleted = deleted;
  count(document, field);
  return true;
}

/** Above 0 if a write comes after the one in the field: by timestamp, counter, client id, then the value's bytes. */
function compare(
  field: Field,
  timestamp: f64,
  counter: f64,
  client: usize,
  clientLength: u32,
  value: usize,
  valueLength: u32,
): i32 {
  if (timestamp != field.timestamp) return timestamp > field.timestamp ? 1 : -1;
  if (counter != field.counter) return counter > field.counter ? 1 : -1;
  const byClient = compareBytes(client, clientLength, idOf(field.writer), field.writer.length);
  if (byClient != 0) return byClient;
  return compareBytes(value, valueLength, valueOf(field), field.valueLength);
}
