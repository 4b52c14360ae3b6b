import type { FieldsStore, FieldWrite } from '@synckit/core-wasm';
import { variants } from '../../messages/task.js';
import type { FieldUpdate } from '../../protocol/encode.js';
import type { LoadedDocument } from '../documents/documents.js';

/** What the clocks of a flush claim, so that a client that resumes is sent what it lacks and little else. */
export interface FlushClaims {
  /** The commit up to which all subscribers, except partial ones, have everything. */
  readonly commits: number | undefined;
  /** Whether the flush holds writes that are not durable when it is sent. */
  readonly isEarly: boolean;
  /** A stamp that no write has: nothing will prove to a partial subscriber that what it was sent became durable. */
  readonly unprovable: number;
}

/** The claims of a flush when it is sent. @param isStored Whether it was kept back until it was durable. */
export function whenShown(claims: FlushClaims, isStored: boolean): FlushClaims {
  return isStored ? { ...claims, isEarly: false } : claims;
}

export const partialVariants =
  variants.partialBinaryDelta | variants.partialBinaryBatch | variants.partialJsonDelta | variants.partialJsonBatch;

/** The update as one kind of subscribers gets it. */
export function withClaims(update: FieldUpdate, claims: FlushClaims, isPartial: boolean): FieldUpdate {
  const { commits, isEarly, unprovable } = claims;
  if (isPartial) return { ...update, claims: { shown: isEarly ? unprovable : 0 } };
  return { ...update, claims: { commits, shown: isEarly ? update.server : undefined } };
}

/** The number up to which all who are subscribed to a document and were answered have its commits. */
export function claimedCommits(
  core: Pick<FieldsStore, 'commitOf'>,
  { handle, commits, sends }: LoadedDocument,
  now: number,
): number | undefined {
  const owed = function* (): Generator<number> {
    for (const { path } of sends.owed()) yield core.commitOf(handle, path);
  };
  return commits.claim(sends.pending > 0, owed, now);
}

/**
 * Whether writes that the storage has already, another node's, have the very stamp of the last one that was sent too
 * early: they must not pass for that.
 */
export function hasShownStamp({ commits }: LoadedDocument, changed: ReadonlyMap<string, FieldWrite>): boolean {
  for (const { stamp } of changed.values()) if (stamp === commits.shown.last) return true;
  return false;
}
