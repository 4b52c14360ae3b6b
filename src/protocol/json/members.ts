import { JsonFault } from './json-reader.js';
import { JsonSource, readEntries, valuesOf, type JsonValue } from './json-source.js';

const OPEN_BRACE = 0x7b;

/**
 * The members of a JSON object that is all there is in some bytes. Of a name that comes twice, the last one counts.
 *
 * @param refusal Made when they hold something else.
 */
export function membersOf(bytes: Buffer, refusal: () => Error): ReadonlyMap<string, JsonValue> {
  try {
    const source = new JsonSource(bytes, 0, bytes.length);
    if (source.reader.peek() !== OPEN_BRACE) throw refusal();
    const entries = readEntries(source.reader);
    source.reader.finish();
    return valuesOf(source, entries);
  } catch (error) {
    if (error instanceof JsonFault) throw refusal();
    throw error;
  }
}
