/**
 * The layout of documents in the LMDB file. Keys are bytes and sort as bytes:
 *
 *   00 "format"           the version of this layout
 *   00 01, 00 02, 00 03   the feed of changes, if it is on: changes/keys.ts
 *   <id> 00               the document: [stamp, created, updated, commits], times in milliseconds since the epoch; and
 *                         [… commits, deleted, erased] for one that is, or was: 0 is never
 *   <id> 00 01 <path>     one field: [timestamp, counter, clientId, stamp, deleted, value, commit]
 *   <id> 00 02 <update>   one update of the text: its bytes as they are; the key ends with its id in 16 bytes
 *   00 "h" …              histories of documents, as history/format.ts has them
 *   <id> 00 03            the horizon, if tombstones were purged: [timestamp, counter, clientId, stamp]
 *
 * Ids hold no NUL, so the keys from `<id> 00` up to `<id> 01` are one document and nothing else. The other values are
 * msgpack.
 *
 * Versions up to 3 had neither `commits` nor `commit`: both are 0 then. Version 1 had no texts. A server that knows only
 * that one refuses a folder with texts; if it has the folder open while a newer server takes it over, it fails to load documents with a text, and leaves their updates alone when it
 * writes their fields. Version 2 had no horizons; a server that knows only that one refuses a folder with version 3.
 * Version 4 had no deletion; a server that knows only that one, and has the folder open, can't read deleted documents.
 * Version 5 had no histories; a server that knows only that one leaves them behind when it erases documents, so it refuses
 * the folder.
 * Nor had it a feed of changes: such a server would write without recording it.
 */

import { isUtf8 } from 'node:buffer';
import { Packr } from 'msgpackr';
import { maxDocumentIdBytes, maxPathBytes } from '../limits.js';
import type { Horizon } from '../horizon.js';
import type { FieldRow, TextUpdate } from '../port.js';

/** The version of this layout; a store with a higher one is refused. */
export const formatVersion = 6;

export const formatKey = Buffer.from('\0format');

/** The longest key, that of a field, in bytes. */
export const maxKeyBytes = maxDocumentIdBytes + 2 + maxPathBytes;

/** What is stored of a document besides its fields. */
export interface DocumentRecord {
  /** The last L. */
  readonly stamp: number;
  /** Milliseconds since the epoch, by the clock of the node that wrote first. */
  readonly created: number;
  /** Milliseconds since the epoch, by the clock of the node that wrote last. */
  readonly updated: number;
  /** The number of the last commit. */
  readonly commits: number;
  /** Milliseconds since the epoch. */
  readonly deletedAt?: number | undefined;
  readonly erasedAt?: number | undefined;
}

/** An entry that violates this layout. The message does not contain its content. */
export class CorruptEntry extends Error {
  override readonly name = 'CorruptEntry';
}

/** The key of the document itself, and the start of its range. */
export function documentKey(documentId: string): Buffer {
  return Buffer.from(`${documentId}\0`);
}

/** The first key after the document's range. */
export function documentEnd(documentId: string): Buffer {
  return Buffer.from(`${documentId}\x01`);
}

/** The key of a field: `<id> 00 01 <path>`. Keys of one document sort by path, as UTF-8 bytes. */
export function fieldKey(documentId: string, path: string): Buffer {
  return Buffer.from(`${documentId}\0\x01${path}`);
}

/**
 * The path in the key of a field; the inverse of `fieldKey`.
 *
 * @param start Length of the document's key in bytes.
 * @throws CorruptEntry when the key is not that of a field or the path is not UTF-8.
 */
export function pathOfKey(key: Uint8Array, start: number): string {
  const bytes = Buffer.from(key.buffer, key.byteOffset + start + 1, key.byteLength - start - 1);
  if (key[start] !== 1 || !isUtf8(bytes)) throw new CorruptEntry('a key is not that of a field');
  return bytes.toString();
}

/** Bytes of an update id in a key. */
const updateIdBytes = 16;

/** The key of a text update: `<id> 00 02`, then the update id (32 hex digits) as 16 bytes. They sort by id. */
export function updateKey(documentId: string, updateId: string): Buffer {
  return Buffer.concat([Buffer.from(`${documentId}\0\x02`), Buffer.from(updateId, 'hex')]);
}

/** The first key of the text updates of a document, and the one behind them. */
export function updateRange(documentId: string): { readonly start: Buffer; readonly end: Buffer } {
  return { start: Buffer.from(`${documentId}\0\x02`), end: Buffer.from(`${documentId}\0\x03`) };
}

/** Whether a key of a document is that of a text update. @param start Length of the document's key in bytes. */
export function isUpdateKey(key: Uint8Array, start: number): boolean {
  return key[start] === 2;
}

/**
 * Reads a text update: the id from its key, the value as it is. The bytes are a copy.
 *
 * @param start Length of the document's key in bytes.
 * @throws CorruptEntry when the id does not have 16 bytes or the value is empty.
 */
export function decodeUpdate(key: Uint8Array, start: number, value: Uint8Array): TextUpdate {
  const id = Buffer.from(key.buffer, key.byteOffset + start + 1, key.byteLength - start - 1);
  if (id.byteLength !== updateIdBytes) throw new CorruptEntry('a key is not that of an update');
  if (value.byteLength === 0) throw new CorruptEntry('an update is empty');
  // Copied, because lmdb's value may lie in its map of the file or in a buffer that it reuses.
  return { id: id.toString('hex'), bytes: new Uint8Array(value) };
}

// Arrays only: without records no structure has to be shared between the entries, so each can be read on its own.
const packr = new Packr({ useRecords: false });
/** The first bytes of two kinds of msgpack values. */
const ARRAY_OF_SEVEN = 0x97;
const FLOAT_64 = 0xcb;

/** The value of `formatKey`: the version of the layout as one msgpack integer. */
export function encodeFormat(version: number): Buffer {
  return packr.pack(version);
}

/** The inverse of `encodeFormat`. @throws CorruptEntry when it is not a safe integer. */
export function decodeFormat(bytes: Uint8Array): number {
  const version: unknown = unpack(bytes);
  if (!Number.isSafeInteger(version)) throw new CorruptEntry('the format version is not a number');
  return version as number;
}

/** The value of a document's key: a msgpack array, as above. */
export function encodeDocument({ stamp, created, updated, commits, deletedAt, erasedAt }: DocumentRecord): Buffer {
  const four = [stamp, created, updated, commits];
  if (deletedAt === undefined && erasedAt === undefined) return packr.pack(four);
  return packr.pack([...four, deletedAt ?? 0, erasedAt ?? 0]);
}

const lengthsOfDocuments = new Set([3, 4, 6]);

/** The inverse of `encodeDocument`. @throws CorruptEntry when it is not an array of three, four or six safe integers. */
export function decodeDocument(bytes: Uint8Array): DocumentRecord {
  const entry = unpack(bytes);
  if (!Array.isArray(entry) || !lengthsOfDocuments.has(entry.length) || !entry.every(Number.isSafeInteger)) {
    throw new CorruptEntry('the record of the document can’t be read');
  }
  const [stamp, created, updated, commits = 0, deleted = 0, erased = 0] = entry as [
    number,
    number,
    number,
    ...number[],
  ];
  return {
    ...{ stamp, created, updated, commits },
    ...(deleted === 0 ? {} : { deletedAt: deleted }),
    ...(erased === 0 ? {} : { erasedAt: erased }),
  };
}

/**
 * The value of a field's key: a msgpack array [timestamp (ms since the epoch), counter, clientId, stamp (L), deleted,
 * value (JSON text), commit]. The path is in the key only. The commit is a float of 64 bits, the last nine bytes of the
 * entry: its number is known within the transaction only, and `numberField` puts it there.
 */
export function encodeField({ timestamp, counter, clientId, stamp, deleted, value }: FieldRow): Buffer {
  const six = packr.pack([timestamp, counter, clientId, stamp, deleted, value]);
  const entry = Buffer.allocUnsafe(six.length + 9);
  six.copy(entry);
  entry[0] = ARRAY_OF_SEVEN;
  entry[six.length] = FLOAT_64;
  return entry;
}

/** Writes the number of its commit into what `encodeField` returned. */
export function numberField(entry: Buffer, commit: number): void {
  entry.writeDoubleBE(commit, entry.length - 8);
}

/**
 * The inverse of `encodeField`.
 *
 * @param path Of the key (`pathOfKey`).
 * @throws CorruptEntry when it is not an array of six or seven values of the right types.
 */
export function decodeField(path: string, bytes: Uint8Array): FieldRow {
  const entry = unpack(bytes);
  if (!Array.isArray(entry) || (entry.length !== 6 && entry.length !== 7))
    throw new CorruptEntry('a field can’t be read');
  const [timestamp, counter, clientId, stamp, deleted, value, commit = 0] = entry as unknown[];
  if (
    typeof timestamp !== 'number' ||
    typeof counter !== 'number' ||
    typeof clientId !== 'string' ||
    typeof stamp !== 'number' ||
    typeof deleted !== 'boolean' ||
    typeof value !== 'string' ||
    typeof commit !== 'number'
  ) {
    throw new CorruptEntry('a field holds the wrong types');
  }
  return { path, value, deleted, timestamp, counter, clientId, stamp, commit };
}

/** Whether a key of a document is that of a field. @param start Length of the document's key in bytes. */
export function isFieldKey(key: Uint8Array, start: number): boolean {
  return key[start] === 1;
}

/** The key of a document's horizon: `<id> 00 03`. */
export function horizonKey(documentId: string): Buffer {
  return Buffer.from(`${documentId}\0\x03`);
}

/** Whether a key of a document is that of its horizon. @param start Length of the document's key in bytes. */
export function isHorizonKey(key: Uint8Array, start: number): boolean {
  return key[start] === 3;
}

/** The value of a horizon's key: a msgpack array [timestamp (ms since the epoch), counter, clientId, stamp (L)]. */
export function encodeHorizon({ timestamp, counter, clientId, stamp }: Horizon): Buffer {
  return packr.pack([timestamp, counter, clientId, stamp]);
}

/** The inverse of `encodeHorizon`. @throws CorruptEntry when it is not an array of four values of the right types. */
export function decodeHorizon(bytes: Uint8Array): Horizon {
  const entry = unpack(bytes);
  const [timestamp, counter, clientId, stamp] = Array.isArray(entry) ? (entry as unknown[]) : [];
  if (
    typeof timestamp !== 'number' ||
    typeof counter !== 'number' ||
    typeof clientId !== 'string' ||
    typeof stamp !== 'number'
  ) {
    throw new CorruptEntry('the horizon of the document can’t be read');
  }
  return { timestamp, counter, clientId, stamp };
}

function unpack(bytes: Uint8Array): unknown {
  try {
    return packr.unpack(bytes) as unknown;
  } catch (cause) {
    throw new CorruptEntry('an entry is not msgpack', { cause });
  }
}
