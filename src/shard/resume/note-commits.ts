import type { FieldsStore } from '@synckit/core-wasm';
import type { Committed, DocumentChange } from '../../storage/port.js';
import type { Documents } from '../documents/documents.js';

/**
 * Takes note of which writes are durable, and by which commit. Those that are refused or expired are not: what takes the
 * place of a refused one has a number already, and what is expired leaves nothing.
 */
export function noteCommits(
  core: Pick<FieldsStore, 'committed'>,
  documents: Pick<Documents, 'peek'>,
  changes: readonly DocumentChange[],
  { numbers, refused, expired = [] }: Committed,
): void {
  const isPlain = refused.length + expired.length === 0;
  const holds = (rows: typeof expired | typeof refused, documentId: string, path: string): boolean =>
    rows.some((row) => row.documentId === documentId && row.path === path);
  for (const { documentId, fields, purge } of changes) {
    const slot = documents.peek(documentId);
    const number = numbers.get(documentId);
    if (slot?.kind !== 'loaded' || number === undefined) continue;
    for (const { path, stamp } of fields) {
      if (isPlain) core.committed(slot.handle, path, stamp, number);
      else if (holds(expired, documentId, path)) slot.commits.tookBack(number);
      else if (!holds(refused, documentId, path)) core.committed(slot.handle, path, stamp, number);
    }
    if (purge !== undefined) slot.commits.tookBack(number);
    slot.commits.add(number);
  }
}
