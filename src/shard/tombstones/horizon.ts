import type { FieldsStore } from '@synckit/core-wasm';
import { covers, isBelow, mergeHorizons, type Horizon } from '../../storage/horizon.js';
import type { FieldRow } from '../../storage/port.js';
import type { LoadedDocument } from '../documents/documents.js';

/** Takes note that tombstones up to a horizon are purged, and erases those that are here. */
export function raiseHorizon(core: FieldsStore, document: LoadedDocument, horizon: Horizon | undefined): void {
  if (covers(document.horizon, horizon)) return;
  const raised = mergeHorizons(document.horizon, horizon);
  document.horizon = raised;
  if (raised === undefined) return;
  for (const tombstone of core.tombstonesUpTo(document.handle, raised.stamp)) {
    if (isBelow(tombstone, raised)) core.erase(document.handle, tombstone.path);
  }
}

/**
 * Whether it can't be told from a row of another node that its field is there: the tombstone that followed it may be
 * purged already. What is stored tells.
 */
export function isDoubtful(core: FieldsStore, { handle, horizon }: LoadedDocument, row: FieldRow): boolean {
  return horizon !== undefined && isBelow(row, horizon) && core.get(handle, row.path) === undefined;
}

/**
 * Erases what is not stored any more: the storage takes nothing below its horizon for an absent field, so what is below
 * and not there was removed.
 *
 * @param rows All that is stored; they are in the core already.
 * @returns The fields that were live.
 */
export function eraseUnstored(
  core: FieldsStore,
  { handle }: LoadedDocument,
  rows: readonly FieldRow[],
  horizon: Horizon | undefined,
): string[] {
  // Everything that is stored is in memory, so with equal numbers nothing else is.
  if (horizon === undefined || core.fieldCount(handle) === rows.length) return [];
  const stored = new Set(rows.map(({ path }) => path));
  const erased: string[] = [];
  for (const field of core.changesSince(handle, new Map())) {
    if (stored.has(field.path) || !isBelow(field, horizon)) continue;
    core.erase(handle, field.path);
    if (!field.deleted) erased.push(field.path);
  }
  return erased;
}

/**
 * Whether a client that resumes may still hold fields whose tombstones were purged, so that it needs the whole state.
 *
 * @param seen The largest stamp that it was sent.
 */
export function isBeforeHorizon({ horizon }: Pick<LoadedDocument, 'horizon'>, seen: number): boolean {
  return horizon !== undefined && seen < horizon.stamp;
}
