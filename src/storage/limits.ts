/**
 * What every adapter takes: the same rows are refused whatever the storage, so that moving from one to another never
 * finds a row that does not fit.
 */

import type { FieldRow, RefusedRow, TextChange } from './port.js';

/** Bytes of UTF-8. */
export const maxPathBytes = 1024;
/** Bytes of UTF-8; document ids are ASCII, so this is also their number of characters. */
export const maxDocumentIdBytes = 256;
/** Twice the size of a document by default; as hexadecimal digits it still fits in a string. */
export const maxPartBytes = 128 * 1024 ** 2;

/** Throws when a document of this id can't exist. */
export function checkDocumentId(documentId: string): void {
  const reason = reasonAgainstId(documentId);
  if (reason !== undefined) throw new RangeError(`Invalid document id: ${reason}`);
}

/** The reason for which no storage takes anything for this document id, or undefined. */
export function reasonAgainstId(documentId: string): string | undefined {
  if (documentId === '') return 'the document id is empty';
  if (documentId.includes('\0')) return 'the document id holds a NUL character';
  if (!isWellFormed(documentId)) return 'the document id holds a lone surrogate';
  if (isLongerThan(documentId, maxDocumentIdBytes)) return `the document id is over ${maxDocumentIdBytes} bytes`;
  return undefined;
}

/** The reason for which no storage takes this row, or undefined. */
export function reasonAgainstRow(row: FieldRow): string | undefined {
  if (!isWellFormed(row.path)) return 'the path holds a lone surrogate';
  if (isLongerThan(row.path, maxPathBytes)) return `the path is over ${maxPathBytes} bytes`;
  if (!isWellFormed(row.clientId)) return 'the client id holds a lone surrogate';
  if (!isWellFormed(row.value)) return 'the value holds a lone surrogate';
  if (!Number.isSafeInteger(row.timestamp)) return 'the timestamp is not a safe integer';
  if (!Number.isSafeInteger(row.counter)) return 'the counter is not a safe integer';
  if (!Number.isSafeInteger(row.stamp)) return 'the stamp is not a safe integer';
  return undefined;
}

/** The reason for which no storage takes this change of a text, or undefined. */
export function reasonAgainstText({ append, replaces }: TextChange): string | undefined {
  const ids = append.map(({ id }) => id);
  if (![...ids, ...replaces].every(isPartId)) return 'the id of a part is not 32 lower-case hex digits';
  if (new Set(ids).size < ids.length) return 'two parts have the same id';
  if (append.some(({ bytes }) => bytes.byteLength === 0)) return 'a part is empty';
  if (append.some(({ bytes }) => bytes.byteLength > maxPartBytes)) return `a part is over ${maxPartBytes} bytes`;
  if (append.length === 0 && replaces.length > 0) return 'parts are to go and no other contains them';
  return undefined;
}

/** A change of which only the names are needed. */
interface NamedChange {
  readonly documentId: string;
  readonly fields: readonly Pick<FieldRow, 'path'>[];
  readonly text?: object | undefined;
}

/** Refuses all of a change for one reason. */
export function refuseAll({ documentId, fields, text }: NamedChange, reason: string): RefusedRow[] {
  const paths = fields.map(({ path }): string | undefined => path);
  if (text !== undefined) paths.push(undefined);
  return paths.map((path) => ({ documentId, path, reason }));
}

const updateId = /^[0-9a-f]{32}$/;

function isPartId(id: string): boolean {
  return updateId.test(id);
}

const loneSurrogate = /\p{Surrogate}/u;

function isWellFormed(text: string): boolean {
  return !loneSurrogate.test(text);
}

function isLongerThan(text: string, bytes: number): boolean {
  // A UTF-16 unit takes at most three bytes, so most strings need no count.
  return text.length * 3 > bytes && Buffer.byteLength(text) > bytes;
}
