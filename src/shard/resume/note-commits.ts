import type { FieldsStore } from '@synckit/core-wasm';
import type { Committed, DocumentChange } from '../../storage/port.js';
import type { Documents } from '../documents.js';

/** Takes note of which writes are durable, and by which commit; those that are refused or expired are not. */
export function noteCommits(
  core: Pick<FieldsStore, 'committed'>,
  documents: Pick<Documents, 'peek'>,
  changes: readonly DocumentChange[],
  { numbers, refused, expired = [] }: Committed,
): void {
  const lost = [...refused, ...expired];
  const isLost = (documentId: string, path: string): boolean =>
    lost.some((row) => row.documentId === documentId && row.path === path);
  for (const { documentId, fields, purge } of changes) {
    const slot = documents.peek(documentId);
    const number = numbers.get(documentId);
    if (slot?.kind !== 'loaded' || number === undefined) continue;
    for (const { path, stamp } of fields) {
      if (isLost(documentId, path)) slot.commits.tookBack(number);
      else core.committed(slot.handle, path, stamp, number);
    }
    if (purge !== undefined) slot.commits.tookBack(number);
    slot.commits.add(number);
  }
}
