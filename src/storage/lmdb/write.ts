/** The part of a commit that runs inside the write transaction. */

import { CorruptEntry, decodeDocument, decodeField, encodeDocument, type DocumentRecord } from './format.js';
import type { ByteStore } from './folder.js';
import type { PreparedCommit, PreparedDocument, PreparedField, PreparedText } from './prepare.js';
import { refuseAll } from '../limits.js';
import { compareRows } from '../order.js';
import type { RefusedRow } from '../port.js';

/**
 * Writes one prepared commit; call it inside a write transaction. Returns the rows that can't be written because what
 * is stored in their place is corrupt. Throws when LMDB fails; the transaction can't be committed then.
 *
 * When a thread is terminated in the middle, LMDB commits what it has put so far. That is harmless: it was not
 * acknowledged, rows are independent, the document's stamp is put before its rows so that it is never smaller than
 * theirs, and updates of a text are removed only after those that contain them are put.
 */
export function write(store: ByteStore, commit: PreparedCommit): RefusedRow[] {
  return commit.documents.flatMap((document) => writeDocument(store, document));
}

function writeDocument(store: ByteStore, { documentId, key, stamp, fields, text }: PreparedDocument): RefusedRow[] {
  const stored = readStored(store, key, decodeDocument);
  if (stored instanceof CorruptEntry) {
    return refuseAll({ documentId, fields: fields.map(({ row }) => row), text }, stored.message);
  }
  const now = Date.now();
  const record: DocumentRecord = {
    stamp: Math.max(stamp, stored?.stamp ?? 0),
    created: stored?.created ?? now,
    updated: now,
  };
  const isChange = stored === undefined || record.stamp > stored.stamp;
  if (isChange) void store.put(key, encodeDocument(record));
  const refused: RefusedRow[] = [];
  let changed = false;
  for (const field of fields) {
    const outcome = writeField(store, field);
    if (outcome instanceof CorruptEntry) refused.push({ documentId, path: field.row.path, reason: outcome.message });
    else if (outcome) changed = true;
  }
  if (text !== undefined && writeText(store, text)) changed = true;
  if (changed && !isChange) void store.put(key, encodeDocument(record));
  return refused;
}

/** Returns whether the row is the greater one, or what is wrong with the stored one. */
function writeField(store: ByteStore, { row, key, bytes }: PreparedField): boolean | CorruptEntry {
  const current = readStored(store, key, (stored) => decodeField(row.path, stored));
  if (current instanceof CorruptEntry) return current;
  if (current !== undefined && compareRows(row, current) <= 0) return false;
  void store.put(key, bytes);
  return true;
}

/** Returns whether anything changed. */
function writeText(store: ByteStore, { append, replaces }: PreparedText): boolean {
  let changed = false;
  for (const { key, bytes } of append) if (putNew(store, key, bytes)) changed = true;
  for (const key of replaces) if (store.removeSync(key)) changed = true;
  return changed;
}

/** Returns whether the key was free; if not, its value stays. Reads no value, which may be megabytes. */
function putNew(store: ByteStore, key: Buffer, bytes: Uint8Array): boolean {
  return (store as unknown as PutsNew).putSync(key, bytes, { noOverwrite: true });
}

/** Missing in lmdb's types: in a write transaction the result is known at once. */
interface PutsNew {
  putSync(key: Buffer, bytes: Uint8Array, options: { noOverwrite: true }): boolean;
}

function readStored<Entry>(
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
