import { ProtocolError } from '../errors.js';
import { JsonFault } from './json/json-reader.js';
import { JsonSource, readEntries, valuesOf } from './json/json-source.js';
import { checkField, DELETED_VALUE, shallow, type SetOperation } from './operations.js';

const OPEN_BRACE = 0x7b;

/** What all operations of a patch have in common. */
export type PatchOrigin = Pick<SetOperation, 'timestamp' | 'clockMax'>;

/**
 * The operations of a JSON merge patch of a document: each member sets the field of its name, null removes it. It merges
 * the fields of the document only: a value that is an object takes the place of the former one.
 *
 * @param maxDepth Arrays and objects that may be around each other in a value.
 * @throws ProtocolError INVALID_DELTA; nothing of the patch may be applied then.
 */
export function parseMergePatch(bytes: Buffer, origin: PatchOrigin, maxDepth: number): SetOperation[] {
  const operations: SetOperation[] = [];
  for (const [field, sent] of entriesOf(bytes)) {
    const { json, removal } = shallow(sent, maxDepth);
    const deleted = removal || json === 'null';
    const value = deleted ? DELETED_VALUE : json;
    operations.push({ field: checkField(field), value, deleted, ...origin, counter: undefined, clientId: undefined });
  }
  return operations;
}

function entriesOf(bytes: Buffer): ReturnType<typeof valuesOf> {
  try {
    const source = new JsonSource(bytes, 0, bytes.length);
    if (source.reader.peek() !== OPEN_BRACE) throw new JsonFault();
    const entries = readEntries(source.reader);
    source.reader.finish();
    return valuesOf(source, entries);
  } catch (error) {
    if (error instanceof JsonFault) throw new ProtocolError('INVALID_DELTA', 'a merge patch must be a JSON object');
    throw error;
  }
}
