import { ProtocolError } from '../errors.js';
import type { JsonValue } from './json/json-source.js';
import { membersOf } from './json/members.js';
import { checkField, shallow } from './operations.js';

/** The state of a snapshot: `{"id": …, "fields": {…}, "text": …}`, without the last one where there was no text. */
export interface SnapshotState {
  readonly id: string;
  /** Their values as JSON text. */
  readonly fields: ReadonlyMap<string, string>;
  readonly text: string | undefined;
}

/**
 * Reads a state that this server has written, which may have been changed in the database.
 *
 * @param maxDepth Arrays and objects that may be around each other in a value.
 * @throws ProtocolError INVALID_DELTA
 */
export function parseSnapshot(bytes: Buffer, maxDepth: number): SnapshotState {
  const state = membersOf(bytes, invalid);
  const [id, text] = [stringOf(state.get('id')), stringOf(state.get('text'))];
  const fields = state.get('fields');
  if (id === undefined || fields === undefined || (state.has('text') && text === undefined)) throw invalid();
  const values = new Map<string, string>();
  for (const [field, value] of membersOf(Buffer.from(fields.json), invalid)) {
    values.set(checkField(field), shallow(value, maxDepth).json);
  }
  return { id, fields: values, text };
}

function stringOf(value: JsonValue | undefined): string | undefined {
  return value?.json.startsWith('"') === true ? (JSON.parse(value.json) as string) : undefined;
}

function invalid(): ProtocolError {
  return new ProtocolError('INVALID_DELTA', 'the snapshot can’t be read');
}
