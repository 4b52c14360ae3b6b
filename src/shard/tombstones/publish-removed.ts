import { variants } from '../../messages/task.js';
import type { LoadedDocument } from '../documents.js';
import { publishChanges } from '../frames.js';
import type { Outbox } from '../outbox.js';
import { partialVariants } from '../resume/flush-claims.js';
import { removedField } from './removed-field.js';

/** The task that would say which of them have subscribers is long done. */
const allVariants =
  variants.binaryDelta | variants.jsonDelta | variants.binaryBatch | variants.jsonBatch | partialVariants;

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
  publishChanges(outbox, document, removed, allVariants, 0, claims, stamp);
}
