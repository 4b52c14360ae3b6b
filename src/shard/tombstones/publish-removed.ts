import type { LoadedDocument } from '../documents/documents.js';
import { ALL_VARIANTS, publishChanges } from '../frames.js';
import type { Outbox } from '../outbox.js';
import { removedField } from './removed-field.js';

/** Publishes to all subscribers that fields are removed. @param stamp A fresh L. */
export function publishRemoved(
  outbox: Outbox,
  document: LoadedDocument,
  paths: readonly string[],
  stamp: number,
): void {
  // An update that is held back is older.
  outbox.release(document.id);
  const removed = new Map(paths.map((path) => [path, removedField(path, stamp)]));
  const claims = { commits: undefined, isEarly: false, unprovable: stamp };
  publishChanges(outbox, document, removed, ALL_VARIANTS, 0, claims, stamp);
}
