import type { FieldsStore, FieldWrite } from '@synckit/core-wasm';
import { COMMITS_ENTRY, SHOWN_ENTRY } from '../../protocol/claims.js';
import type { LoadedDocument } from '../documents/documents.js';
import { isBeforeHorizon } from '../tombstones/horizon.js';

/** The entries of a client's clock. */
export type Vector = readonly (readonly [clientId: string, count: number])[];

/** What a client that has a vector lacks. */
export interface Unseen {
  readonly fields: readonly FieldWrite[];
  /** Whether it may show what a crash took back. */
  readonly mayHoldLost: boolean;
  /** Whether it may hold fields of which nothing is left, so that only the whole state tells what there is. */
  readonly needsState: boolean;
}

/** Less than the number of any commit. */
const NONE = -1;

/**
 * The fields that a client with this vector may lack, or hold another value of. Who knows the number of a commit has
 * everything up to that one, whatever the entries of writers say. @param clientId The client's own, where it is known.
 */
export function unseenBy(core: FieldsStore, document: LoadedDocument, vector: Vector, clientId?: string): Unseen {
  const { handle, commits, horizon } = document;
  const entries = new Map(vector);
  const known = entries.get(COMMITS_ENTRY);
  const mayHoldLost = isLost(core, handle, commits.shown, entries, clientId);
  const largest = vector.reduce((most, [, count]) => Math.max(most, count), 0);
  const mayHoldGone = known === undefined ? isBeforeHorizon(document, largest) : commits.needsState(known, horizon);
  const needsState = mayHoldLost || mayHoldGone;
  // Of a database that was put back, or one that another process has written.
  const isUnknown = (known ?? 0) > commits.last;
  // It was sent updates, but never an answer: what it knows of writers says nothing.
  const isPartial = known === undefined && entries.has(SHOWN_ENTRY);
  if (needsState || isUnknown || isPartial) return { fields: core.changesAfter(handle, NONE), mayHoldLost, needsState };
  if (known !== undefined) return { fields: core.changesAfter(handle, known), mayHoldLost, needsState };
  return { fields: newerThanWriters(core, document, entries), mayHoldLost, needsState };
}

/** Whether a client knows a later commit than this process has in memory: of another node, or of a database that was put back. */
export function knowsMore({ commits }: LoadedDocument, vector: Vector | undefined): boolean {
  return vector?.some(([id, count]) => id === COMMITS_ENTRY && count > commits.upTo) === true;
}

/** What follows from the entries of writers alone. */
function newerThanWriters(
  core: FieldsStore,
  { handle, sends }: LoadedDocument,
  entries: ReadonlyMap<string, number>,
): FieldWrite[] {
  // A vector without an entry for the server is none that this server's clocks add up to, and taken at its word.
  const last = entries.get('server');
  // What was sent before the document was loaded is not known, nor to whom an echo was owed: a client that heard of it
  // then only may show an older value of its own, although its own entry is larger.
  if (last !== undefined && last < sends.loadedAt) return core.changesAfter(handle, NONE);
  const changes = core.changesSince(handle, entries);
  if (last === undefined) return changes;
  const doubtful = new Set(sends.doubtful(() => core.changesAfter(handle, NONE).map(({ path }) => path)));
  for (const { path } of changes) doubtful.delete(path);
  for (const path of doubtful) {
    const field = core.get(handle, path);
    if (field !== undefined) changes.push(field);
  }
  return changes;
}

/** Whether something that was sent to the client before it was durable may have been lost with a process. */
function isLost(
  core: FieldsStore,
  handle: number,
  shownHere: LoadedDocument['commits']['shown'],
  entries: ReadonlyMap<string, number>,
  clientId: string | undefined,
): boolean {
  const shown = entries.get(SHOWN_ENTRY);
  if (shown === 0) return false;
  if (shown !== undefined) {
    // Commits are made in the order of the writes: where this one is durable, all that the client was sent before is.
    const writer = core.findStamp(handle, shown)?.clientId ?? shownHere.writerOf(shown);
    // Two nodes may give the same stamp; the client was sent the one whose writer it knows up to there.
    return writer === undefined || (entries.get(writer) ?? 0) < shown;
  }
  if (entries.has(COMMITS_ENTRY)) return false;
  // Not a clock of this server's, then; what is above everything known was not kept.
  const largest = core.writers(handle).reduce((most, { stamp }) => Math.max(most, stamp), 0);
  return [...entries].some(([id, stamp]) => id !== 'server' && id !== clientId && stamp > largest);
}
