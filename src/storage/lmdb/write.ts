/** The part of a commit that runs inside the write transaction. */

import {
  CorruptEntry,
  decodeDocument,
  decodeField,
  decodeHorizon,
  encodeDocument,
  encodeField,
  encodeHorizon,
  numberField,
  type DocumentRecord,
} from './format.js';
import type { ByteStore } from './folder.js';
import { HistoryWriter } from './history/write.js';
import type { ChangeRecorder } from '../changes/port.js';
import type { PreparedCommit, PreparedDocument, PreparedField, PreparedPurge, PreparedText } from './prepare.js';
import { covers, isBelow, mergeHorizons, type Horizon } from '../horizon.js';
import { reasonErased, refuseAll } from '../limits.js';
import { compareRows } from '../order.js';
import type { ExpiredRow, FieldRow, Recorded, RefusedRow } from '../port.js';

/** What became of the documents of a commit. */
export interface Outcome {
  /** Rows that can't be written because what is stored in their place is corrupt. */
  readonly refused: RefusedRow[];
  readonly expired: ExpiredRow[];
  readonly horizons: Map<string, Horizon>;
  /** Numbers of the commit by document; the same when it names one twice. */
  readonly numbers: Map<string, number>;
  recorded?: Recorded;
}

/**
 * Writes one prepared commit, and records it if changes are; call it inside a write transaction. Throws when LMDB fails; the transaction can't be
 * committed then.
 *
 * When a thread is terminated in the middle, LMDB commits what it has put so far. That is harmless: it was not
 * acknowledged, rows are independent, the document's stamp is put before its rows so that it is never smaller than
 * theirs, a horizon is put before the tombstones below it are removed, and updates of a text are removed only after those
 * that contain them are put.
 */
export function write(store: ByteStore, commit: PreparedCommit, changes?: ChangeRecorder): Outcome {
  const outcome: Outcome = { refused: [], expired: [], horizons: new Map(), numbers: new Map() };
  const whole = commit.documents.filter((document) => writeDocument(store, document, outcome, changes));
  for (const { documentId, horizonKey, purge } of whole) {
    if (purge !== undefined)
      outcome.horizons.set(documentId, writePurge(store, horizonKey, purge, outcome, documentId));
  }
  return outcome;
}

/** Returns whether the document can be written: not when its own records are corrupt. */
function writeDocument(
  store: ByteStore,
  document: PreparedDocument,
  outcome: Outcome,
  changes: ChangeRecorder | undefined,
): boolean {
  const { documentId, key, stamp, fields, text } = document;
  const stored = readStored(store, key, decodeDocument);
  const horizon = readStored(store, document.horizonKey, decodeHorizon);
  if (stored instanceof CorruptEntry || horizon instanceof CorruptEntry) {
    const { message } = stored instanceof CorruptEntry ? stored : (horizon as CorruptEntry);
    outcome.refused.push(...refuseAll({ documentId, fields: fields.map(({ row }) => row), text }, message));
    return false;
  }
  if (horizon !== undefined) outcome.horizons.set(documentId, horizon);
  // Times of entries do not go back.
  const now = document.history === undefined ? Date.now() : Math.max(Date.now(), stored?.updated ?? 0);
  const record: DocumentRecord = {
    stamp: Math.max(stamp, stored?.stamp ?? 0),
    created: stored?.created ?? now,
    updated: now,
    commits: outcome.numbers.get(documentId) ?? (stored?.commits ?? 0) + 1,
    deletedAt: stored?.deletedAt,
    erasedAt: stored?.erasedAt,
  };
  let history: HistoryWriter | undefined;
  if (document.history !== undefined) {
    const about = {
      ...document.history,
      documentId,
      record,
      former: stored,
      isFirst: !outcome.numbers.has(documentId),
    };
    history = openHistory(store, about);
    if (history === undefined) {
      const reason = 'the record of its history can’t be read';
      outcome.refused.push(...refuseAll({ documentId, fields: fields.map(({ row }) => row), text }, reason));
      return false;
    }
  }
  outcome.numbers.set(documentId, record.commits);
  const kind = record.deletedAt === undefined ? 'changed' : 'deleted';
  changes?.append({ documentId, kind, commit: record.commits, at: now });
  void store.put(key, encodeDocument(record));
  for (const field of fields) {
    const { path } = field.row;
    const result = writeField(store, field, record.commits, horizon, history);
    if (result instanceof CorruptEntry) outcome.refused.push({ documentId, path, reason: result.message });
    else if (result === 'expired') outcome.expired.push({ documentId, path });
  }
  if (text !== undefined) {
    if (record.erasedAt === undefined) writeText(store, text, history);
    else outcome.refused.push({ documentId, path: undefined, reason: reasonErased });
  }
  if (history !== undefined) outcome.recorded = sumOf(outcome.recorded, history.end());
  return true;
}

function openHistory(
  store: ByteStore,
  about: ConstructorParameters<typeof HistoryWriter>[1],
): HistoryWriter | undefined {
  try {
    return new HistoryWriter(store, about);
  } catch (error) {
    if (error instanceof CorruptEntry) return undefined;
    throw error;
  }
}

function sumOf(a: Recorded | undefined, b: Recorded): Recorded {
  return { entries: (a?.entries ?? 0) + b.entries, bytes: (a?.bytes ?? 0) + b.bytes };
}

/** Returns what is wrong with the stored row, if it can't be read. */
function writeField(
  store: ByteStore,
  { row, key, bytes }: PreparedField,
  commit: number,
  horizon: Horizon | undefined,
  history: HistoryWriter | undefined,
): 'written' | 'lost' | 'expired' | CorruptEntry {
  const current = readStored(store, key, (stored) => decodeField(row.path, stored));
  if (current instanceof CorruptEntry) return current;
  history?.field(row, current, horizon);
  if (current === undefined && horizon !== undefined && isBelow(row, horizon)) return 'expired';
  if (current !== undefined && compareRows(row, current) <= 0) {
    if (compareRows(row, current) < 0) renumber(store, key, current, commit);
    return 'lost';
  }
  numberField(bytes, commit);
  void store.put(key, bytes);
  return 'written';
}

/** Clients may have been sent the row that lost: those who resume are sent the one that won. */
function renumber(store: ByteStore, key: Buffer, current: FieldRow, commit: number): void {
  const bytes = encodeField(current);
  numberField(bytes, commit);
  void store.put(key, bytes);
}

/** Raises the horizon and removes the tombstones below it. Returns the horizon. */
function writePurge(
  store: ByteStore,
  key: Buffer,
  { fields, horizon }: PreparedPurge,
  { horizons }: Outcome,
  documentId: string,
): Horizon {
  const before = horizons.get(documentId);
  const raised = mergeHorizons(before, horizon) ?? horizon;
  if (!covers(before, raised)) void store.put(key, encodeHorizon(raised));
  for (const { row, key } of fields) {
    const current = readStored(store, key, (stored) => decodeField(row.path, stored));
    // What can't be read stays for whoever repairs it.
    if (current === undefined || current instanceof CorruptEntry || compareRows(current, row) > 0) continue;
    store.removeSync(key);
  }
  return raised;
}

function writeText(
  store: ByteStore,
  { append, replaces, authors }: PreparedText,
  history: HistoryWriter | undefined,
): void {
  const [first] = append;
  // One that is there is of a commit that is repeated.
  if (history !== undefined && authors !== undefined && first !== undefined && !store.doesExist(first.key)) {
    history.text(first.bytes, authors);
  }
  for (const { key, bytes } of append) putNew(store, key, bytes);
  for (const key of replaces) store.removeSync(key);
}

/** Returns whether the key was free; if not, its value stays. Reads no value, which may be megabytes. */
function putNew(store: ByteStore, key: Buffer, bytes: Uint8Array): boolean {
  return (store as unknown as PutsNew).putSync(key, bytes, { noOverwrite: true });
}

/** Missing in lmdb's types: in a write transaction the result is known at once. */
interface PutsNew {
  putSync(key: Buffer, bytes: Uint8Array, options: { noOverwrite: true }): boolean;
}

export function readStored<Entry>(
  store: ByteStore,
  key: Buffer,
  decode: (bytes: Uint8Array) => Entry,
): Entry | CorruptEntry | undefined {
  const bytes = store.get(key);
  if (bytes === undefined) return undefined;
  try {
    return decode(bytes);
  } catch (error) {
    if (error instanceof CorruptEntry) return error;
    throw error;
  }
}
