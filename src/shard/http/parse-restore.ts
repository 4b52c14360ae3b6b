import type { FieldsStore } from '@synckit/core-wasm';
import { ProtocolError } from '../../errors.js';
import type { PatchOrigin } from '../../protocol/merge-patch.js';
import { parseSnapshot } from '../../protocol/snapshot.js';
import { DELETED_VALUE, type SetOperation } from '../../protocol/operations.js';
import type { LoadedDocument } from '../documents/documents.js';
import type { HttpOperations } from './http-operations.js';

/**
 * What makes a document what a snapshot says: only what differs is written, and fields that it does not have are removed.
 *
 * @param maxDepth Arrays and objects that may be around each other in a value.
 * @throws ProtocolError INVALID_DELTA, PERMISSION_DENIED for the snapshot of another document.
 */
export function parseRestore(
  core: FieldsStore,
  { id, handle, text }: LoadedDocument,
  body: Buffer,
  origin: PatchOrigin,
  maxDepth: number,
): HttpOperations {
  const snapshot = parseSnapshot(body, maxDepth);
  if (snapshot.id !== id) throw new ProtocolError('PERMISSION_DENIED', 'it is a snapshot of another document');
  const sets: SetOperation[] = [];
  const write = (field: string, value: string, deleted: boolean): void => {
    sets.push({ field, value, deleted, ...origin, counter: undefined, clientId: undefined });
  };
  for (const [field, value] of snapshot.fields) {
    const present = core.get(handle, field);
    if (present === undefined || present.deleted || present.value !== value) write(field, value, false);
  }
  for (const { path, deleted } of core.changesSince(handle, new Map())) {
    if (!deleted && !snapshot.fields.has(path)) write(path, DELETED_VALUE, true);
  }
  const content = snapshot.text ?? (text === undefined ? undefined : '');
  return { sets, texts: [], relays: [], ...(content === undefined ? {} : { content }) };
}
