/** What of a commit other nodes are sent. */
import type { FieldsStore, FieldWrite } from '@synckit/core-wasm';
import type { RefusedRow, TextChange, TextUpdate } from '../../storage/port.js';
import type { DirtyFields } from '../commit/dirty-fields.js';
import type { LoadedDocument } from '../documents/documents.js';

/** Of a change that replaces other updates, the last update is the whole text; what is new stands before it. */
export function updateOf({ append, replaces }: TextChange): TextUpdate | undefined {
  return replaces.length > 0 && append.length < 2 ? undefined : append[0];
}

/** What fields of a document hold, as far as that is stored, of which a commit refused a write. */
export function leftOf(
  { core, dirty }: { readonly core: Pick<FieldsStore, 'get'>; readonly dirty: Pick<DirtyFields, 'has'> },
  { id, handle }: LoadedDocument,
  refused: readonly RefusedRow[],
): FieldWrite[] {
  return refused.flatMap(({ documentId, path }) => {
    if (documentId !== id || path === undefined || dirty.has(id, path)) return [];
    return core.get(handle, path) ?? [];
  });
}
