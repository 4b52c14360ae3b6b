/** Checks and encodes a commit before its transaction, which holds the lock that all writers wait for. */

import { documentKey, encodeField, fieldKey, horizonKey, updateKey } from './format.js';
import type { PreparedHistory } from './history/write.js';
import type { Author } from '../history/port.js';
import type { Horizon, Purge } from '../horizon.js';
import { reasonAgainstId, reasonAgainstRow, reasonAgainstText, refuseAll } from '../limits.js';
import type { DocumentChange, FieldRow, RefusedRow, TextChange } from '../port.js';

/** A commit that is checked and encoded. */
export interface PreparedCommit {
  readonly documents: readonly PreparedDocument[];
  readonly refused: readonly RefusedRow[];
  /** Number of fields and text updates to write, and of both to remove. */
  readonly rows: number;
  /** Size of the values to write, in bytes. */
  readonly bytes: number;
  /** Upper bound of what the commit takes on disk, in bytes. */
  readonly bytesOnDisk: number;
}

export interface PreparedDocument {
  readonly documentId: string;
  readonly key: Buffer;
  readonly stamp: number;
  readonly fields: readonly PreparedField[];
  readonly text: PreparedText | undefined;
  readonly horizonKey: Buffer;
  readonly purge: PreparedPurge | undefined;
  /** Undefined where the document has none. */
  readonly history: PreparedHistory | undefined;
}

export interface PreparedPurge {
  readonly fields: readonly { readonly row: FieldRow; readonly key: Buffer }[];
  readonly horizon: Horizon;
}

export interface PreparedField {
  readonly row: FieldRow;
  readonly key: Buffer;
  readonly bytes: Buffer;
}

export interface PreparedText {
  readonly append: readonly { readonly key: Buffer; readonly bytes: Uint8Array }[];
  /** Keys of the updates to remove. */
  readonly replaces: readonly Buffer[];
  /** As in TextChange. */
  readonly authors: readonly Author[] | undefined;
}

/**
 * LMDB writes a new copy of every page it touches: a leaf for each put or removal, in the worst case one above it, and
 * the rest of the last page of a large value. Its list of the pages that became free, 8 bytes for each, is covered by
 * the spare space of commits.
 */
export const bytesPerRow = 3 * 4096;

/** Encodes the valid rows of a commit and refuses the others. Copies the bytes that it keeps. */
export function prepare(changes: readonly DocumentChange[]): PreparedCommit {
  const refused: RefusedRow[] = [];
  const documents: PreparedDocument[] = [];
  let rows = 0;
  let bytes = 0;
  for (const change of changes) {
    const reason = reasonAgainstId(change.documentId);
    if (reason !== undefined) {
      refused.push(...refuseAll(change, reason));
      continue;
    }
    const document = prepareDocument(change, refused);
    const updates = document.text?.append ?? [];
    documents.push(document);
    rows += document.fields.length + updates.length + (document.text?.replaces.length ?? 0);
    if (document.purge !== undefined) rows += document.purge.fields.length + 1;
    if (change.replaced !== undefined) {
      // An entry for each row, with the value before it, and the record.
      rows += document.fields.length + change.replaced.length + 2 * updates.length + 1;
      for (const { value } of change.replaced) bytes += 2 * value.length;
      for (const value of [...document.fields, ...updates]) bytes += 2 * value.bytes.byteLength;
    }
    for (const value of [...document.fields, ...updates]) bytes += value.bytes.byteLength;
  }
  return { documents, refused, rows, bytes, bytesOnDisk: bytes + (documents.length + rows) * bytesPerRow };
}

function prepareDocument(change: DocumentChange, refused: RefusedRow[]): PreparedDocument {
  const { documentId, stamp, fields, text, purge, replaced } = change;
  const prepared: PreparedField[] = [];
  for (const row of fields) {
    const reason = reasonAgainstRow(row);
    if (reason === undefined) prepared.push({ row, key: fieldKey(documentId, row.path), bytes: encodeField(row) });
    else refused.push({ documentId, path: row.path, reason });
  }
  const reason = text && reasonAgainstText(text);
  if (reason !== undefined) refused.push({ documentId, path: undefined, reason });
  return {
    documentId,
    key: documentKey(documentId),
    stamp,
    fields: prepared,
    text: text === undefined || reason !== undefined ? undefined : prepareText(documentId, text),
    horizonKey: horizonKey(documentId),
    purge: purge === undefined ? undefined : preparePurge(documentId, purge),
    history: replaced && prepareHistory(replaced),
  };
}

function prepareHistory(rows: readonly FieldRow[]): PreparedHistory {
  const replaced = new Map<string, FieldRow[]>();
  for (const row of rows) {
    if (reasonAgainstRow(row) !== undefined) continue;
    const others = replaced.get(row.path);
    if (others === undefined) replaced.set(row.path, [{ ...row }]);
    else others.push({ ...row });
  }
  return { replaced };
}

function preparePurge(documentId: string, { fields, horizon }: Purge): PreparedPurge {
  const storable = fields.filter((row) => reasonAgainstRow(row) === undefined);
  return { horizon, fields: storable.map((row) => ({ row, key: fieldKey(documentId, row.path) })) };
}

function prepareText(documentId: string, { append, replaces, authors }: TextChange): PreparedText {
  const kept = new Set(append.map(({ id }) => id));
  return {
    // Copied, because the transaction runs later: the caller may have transferred or changed its bytes by then.
    append: append.map(({ id, bytes }) => ({ key: updateKey(documentId, id), bytes: new Uint8Array(bytes) })),
    replaces: replaces.filter((id) => !kept.has(id)).map((id) => updateKey(documentId, id)),
    authors,
  };
}
