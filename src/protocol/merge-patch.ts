import { ProtocolError } from '../errors.js';
import { membersOf } from './json/members.js';
import { checkField, DELETED_VALUE, shallow, type SetOperation } from './operations.js';

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
  for (const [field, sent] of membersOf(bytes, notAnObject)) {
    const { json, removal } = shallow(sent, maxDepth);
    const deleted = removal || json === 'null';
    const value = deleted ? DELETED_VALUE : json;
    operations.push({ field: checkField(field), value, deleted, ...origin, counter: undefined, clientId: undefined });
  }
  return operations;
}

function notAnObject(): ProtocolError {
  return new ProtocolError('INVALID_DELTA', 'a merge patch must be a JSON object');
}
