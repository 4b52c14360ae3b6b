/**
 * The limits of every adapter: all of them refuse the same rows, so that moving from one storage to another never
 * fails on a row that does not fit.
 */

import type { FieldRow, RefusedRow, TextChange } from './port.js';

/** Bytes of UTF-8. */
export const maxPathBytes = 1024;
/** Bytes of UTF-8; document ids are ASCII, so this is also their number of characters. */
export const maxDocumentIdBytes = 256;
/** Bytes of one text update: twice the default size of a document; in hexadecimal it still fits in a string. */
export const maxUpdateBytes = 128 * 1024 ** 2;

/** Why the text of an erased document is refused (lifecycle.ts). */
export const reasonErased = 'the text of the document was erased';

/** @throws RangeError when a document of this id can't exist. */
export function checkDocumentId(documentId: string): void {
  const reason = reasonAgainstId(documentId);
  if (reason !== undefined) throw new RangeError(`Invalid document id: ${reason}`);
}

/** Why every storage refuses this document id, or undefined if it is valid. */
export function reasonAgainstId(documentId: string): string | undefined {
  if (documentId === '') return 'the document id is empty';
  if (documentId.includes('\0')) return 'the document id holds a NUL character';
  if (!isWellFormed(documentId)) return 'the document id holds a lone surrogate';
  if (isLongerThan(documentId, maxDocumentIdBytes)) return `the document id is over ${maxDocumentIdBytes} bytes`;
  return undefined;
}

/** Why every storage refuses this row, or undefined if it is valid. */
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

/** Why every storage refuses this change of a text, or undefined if it is valid. */
export function reasonAgainstText({ append, replaces }: TextChange): string | undefined {
  const ids = append.map(({ id }) => id);
  if (![...ids, ...replaces].every(isUpdateId)) return 'the id of an update is not 32 lower-case hex digits';
  if (new Set(ids).size < ids.length) return 'two updates have the same id';
  if (append.some(({ bytes }) => bytes.byteLength === 0)) return 'an update is empty';
  if (append.some(({ bytes }) => bytes.byteLength > maxUpdateBytes)) return `an update is over ${maxUpdateBytes} bytes`;
  if (append.length === 0 && replaces.length > 0) return 'updates are replaced by nothing';
  return undefined;
}

/** The identifying fields of a change. */
interface NamedChange {
  readonly documentId: string;
  readonly fields: readonly Pick<FieldRow, 'path'>[];
  readonly text?: object | undefined;
}

/** Refuses a whole change: one entry for each field, and one for the text if it has one. */
export function refuseAll({ documentId, fields, text }: NamedChange, reason: string): RefusedRow[] {
  const paths = fields.map(({ path }): string | undefined => path);
  if (text !== undefined) paths.push(undefined);
  return paths.map((path) => ({ documentId, path, reason }));
}

const updateId = /^[0-9a-f]{32}$/;

function isUpdateId(id: string): boolean {
  return updateId.test(id);
}

const loneSurrogate = /\p{Surrogate}/u;

function isWellFormed(text: string): boolean {
  return !loneSurrogate.test(text);
}

function isLongerThan(text: string, bytes: number): boolean {
  // A UTF-16 unit is at most three bytes of UTF-8, so most strings need not be counted.
  return text.length * 3 > bytes && Buffer.byteLength(text) > bytes;
}
