/**
 * How documents lie in the LMDB file. Keys are bytes and sort as bytes:
 *
 *   00 "format"           the version of this layout
 *   <id> 00               the document: [stamp, created, updated], times in milliseconds since the epoch
 *   <id> 00 01 <path>     one field: [timestamp, counter, clientId, stamp, deleted, value]
 *   <id> 00 02 <part id>  one part of the text: its bytes as they are; the id in 16 bytes
 *
 * Ids hold no NUL, so the keys from `<id> 00` up to `<id> 01` are one document and nothing else. The other values are
 * msgpack.
 *
 * Version 1 had no texts. A server that knows only that one refuses a folder with texts; if it has the folder open
 * while a newer server takes it over, it fails to load documents with a text, and leaves their parts alone when it
 * writes their fields.
 */

import { isUtf8 } from 'node:buffer';
import { Packr } from 'msgpackr';
import { maxDocumentIdBytes, maxPathBytes } from '../limits.js';
import type { FieldRow, TextUpdate } from '../port.js';

/** The version of this layout; a store with a higher one is refused. */
export const formatVersion = 2;

export const formatKey = Buffer.from('\0format');

/** The longest key of a field, in bytes. */
export const maxKeyBytes = maxDocumentIdBytes + 2 + maxPathBytes;

/** What is stored of a document besides its fields. */
export interface DocumentRecord {
  /** The last L. */
  readonly stamp: number;
  /** Milliseconds since the epoch, by the clock of the node that wrote first. */
  readonly created: number;
  /** Milliseconds since the epoch, by the clock of the node that wrote last. */
  readonly updated: number;
}

/** An entry that is not what this layout says; its content is not in the message. */
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

export function fieldKey(documentId: string, path: string): Buffer {
  return Buffer.from(`${documentId}\0\x01${path}`);
}

/** @param start Length of the document's key in bytes. */
export function pathOfKey(key: Uint8Array, start: number): string {
  const bytes = Buffer.from(key.buffer, key.byteOffset + start + 1, key.byteLength - start - 1);
  if (key[start] !== 1 || !isUtf8(bytes)) throw new CorruptEntry('a key is not that of a field');
  return bytes.toString();
}

/** In bytes, in a key. */
const partIdBytes = 16;

export function partKey(documentId: string, updateId: string): Buffer {
  return Buffer.concat([Buffer.from(`${documentId}\0\x02`), Buffer.from(updateId, 'hex')]);
}

/** @param start Length of the document's key in bytes. */
export function isPartKey(key: Uint8Array, start: number): boolean {
  return key[start] === 2;
}

/** @param start Length of the document's key in bytes. */
export function decodePart(key: Uint8Array, start: number, value: Uint8Array): TextUpdate {
  const id = Buffer.from(key.buffer, key.byteOffset + start + 1, key.byteLength - start - 1);
  if (id.byteLength !== partIdBytes) throw new CorruptEntry('a key is not that of a part');
  if (value.byteLength === 0) throw new CorruptEntry('a part is empty');
  // Copied, because what lmdb hands out may lie in its map of the file or in a buffer that it uses again.
  return { id: id.toString('hex'), bytes: new Uint8Array(value) };
}

// Arrays only: without records no structure has to be shared between the entries, so each can be read on its own.
const packr = new Packr({ useRecords: false });

export function encodeFormat(version: number): Buffer {
  return packr.pack(version);
}

export function decodeFormat(bytes: Uint8Array): number {
  const version: unknown = unpack(bytes);
  if (!Number.isSafeInteger(version)) throw new CorruptEntry('the format version is not a number');
  return version as number;
}

export function encodeDocument({ stamp, created, updated }: DocumentRecord): Buffer {
  return packr.pack([stamp, created, updated]);
}

export function decodeDocument(bytes: Uint8Array): DocumentRecord {
  const entry = unpack(bytes);
  if (!Array.isArray(entry) || entry.length !== 3 || !entry.every(Number.isSafeInteger)) {
    throw new CorruptEntry('the record of the document can’t be read');
  }
  const [stamp, created, updated] = entry as [number, number, number];
  return { stamp, created, updated };
}

export function encodeField({ timestamp, counter, clientId, stamp, deleted, value }: FieldRow): Buffer {
  return packr.pack([timestamp, counter, clientId, stamp, deleted, value]);
}

export function decodeField(path: string, bytes: Uint8Array): FieldRow {
  const entry = unpack(bytes);
  if (!Array.isArray(entry) || entry.length !== 6) throw new CorruptEntry('a field can’t be read');
  const [timestamp, counter, clientId, stamp, deleted, value] = entry as unknown[];
  if (
    typeof timestamp !== 'number' ||
    typeof counter !== 'number' ||
    typeof clientId !== 'string' ||
    typeof stamp !== 'number' ||
    typeof deleted !== 'boolean' ||
    typeof value !== 'string'
  ) {
    throw new CorruptEntry('a field holds the wrong types');
  }
  return { path, value, deleted, timestamp, counter, clientId, stamp };
}

function unpack(bytes: Uint8Array): unknown {
  try {
    return packr.unpack(bytes) as unknown;
  } catch (cause) {
    throw new CorruptEntry('an entry is not msgpack', { cause });
  }
}
