/** What a commit does inside the write transaction, and what can be done for it before. */

import {
  CorruptEntry,
  decodeDocument,
  decodeField,
  documentKey,
  encodeDocument,
  encodeField,
  fieldKey,
  type DocumentRecord,
} from './embedded-format.js';
import type { ByteStore } from './embedded-folder.js';
import { reasonAgainstId, reasonAgainstRow, refuseAll } from './limits.js';
import { compareRows } from './order.js';
import type { DocumentChange, FieldRow, RefusedRow } from './port.js';

/** A commit that is checked and encoded, so that the transaction, which all writers wait for, is short. */
export interface PreparedCommit {
  readonly documents: readonly PreparedDocument[];
  readonly refused: readonly RefusedRow[];
  /** Number of rows to write. */
  readonly rows: number;
  /** What the commit takes on disk at most. */
  readonly bytes: number;
}

interface PreparedDocument {
  readonly documentId: string;
  readonly key: Buffer;
  readonly stamp: number;
  readonly fields: readonly PreparedField[];
}

interface PreparedField {
  readonly row: FieldRow;
  readonly key: Buffer;
  readonly bytes: Buffer;
}

/** LMDB writes a new copy of every page it touches: a leaf for each put, and in the worst case one above it. */
const bytesPerPut = 2 * 4096;

/** Encodes what can be written and says what can't. */
export function prepare(changes: readonly DocumentChange[]): PreparedCommit {
  const refused: RefusedRow[] = [];
  const documents: PreparedDocument[] = [];
  let rows = 0;
  let bytes = 0;
  for (const { documentId, stamp, fields } of changes) {
    const reason = reasonAgainstId(documentId);
    if (reason !== undefined) {
      refused.push(...refuseAll(documentId, fields, reason));
      continue;
    }
    const prepared: PreparedField[] = [];
    for (const row of fields) {
      const reason = reasonAgainstRow(row);
      if (reason !== undefined) {
        refused.push({ documentId, path: row.path, reason });
        continue;
      }
      const field = { row, key: fieldKey(documentId, row.path), bytes: encodeField(row) };
      prepared.push(field);
      bytes += field.bytes.length + bytesPerPut;
    }
    documents.push({ documentId, key: documentKey(documentId), stamp, fields: prepared });
    rows += prepared.length;
    bytes += bytesPerPut;
  }
  return { documents, refused, rows, bytes };
}

/**
 * Writes one prepared commit; call it inside a write transaction. Returns the rows that can't be written because what
 * is stored in their place is corrupt. Throws when LMDB fails; the transaction can't be committed then.
 *
 * A thread that is terminated in the middle leaves LMDB to commit what it has put so far. Nobody was told that it was
 * written, every row stands for itself, and the document's stamp is put before its rows so that it is never behind.
 */
export function write(store: ByteStore, commit: PreparedCommit): RefusedRow[] {
  return commit.documents.flatMap((document) => writeDocument(store, document));
}

function writeDocument(store: ByteStore, { documentId, key, stamp, fields }: PreparedDocument): RefusedRow[] {
  const stored = readStored(store, key, decodeDocument);
  if (stored instanceof CorruptEntry) {
    return refuseAll(
      documentId,
      fields.map(({ row }) => row),
      stored.message,
    );
  }
  const now = Date.now();
  const record: DocumentRecord = {
    stamp: Math.max(stamp, stored?.stamp ?? 0),
    created: stored?.created ?? now,
    updated: now,
  };
  const isNews = stored === undefined || record.stamp > stored.stamp;
  if (isNews) void store.put(key, encodeDocument(record));
  const refused: RefusedRow[] = [];
  let written = 0;
  for (const { row, key, bytes } of fields) {
    const current = readStored(store, key, (stored) => decodeField(row.path, stored));
    if (current instanceof CorruptEntry) {
      refused.push({ documentId, path: row.path, reason: current.message });
    } else if (current === undefined || compareRows(row, current) > 0) {
      void store.put(key, bytes);
      written++;
    }
  }
  if (written > 0 && !isNews) void store.put(key, encodeDocument(record));
  return refused;
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
