/**
 * The layout of histories in the LMDB file of the documents. All keys of one history are from `00 "h" <id> 00` up to
 * `00 "h" <id> 01`; commit numbers are 8 bytes, indexes 4, big-endian:
 *
 *   00 "h" <id> 00                       the record, see `HistoryRecord`
 *   00 "h" <id> 00 01 <commit> <index>   an entry: [at, path, before, after, userId, clientId] of a field, null where there
 *                                        is none; [at, null, [[userId, clientId], …], bytes of the update] of the text
 *   00 "h" <id> 00 02 <commit> <index>   the update of the text that the entry tells of: its bytes as they are
 *   00 "h" <id> 00 03 <commit> <index>   one of the updates that the text was joined of before the commit
 */

import { Packr } from 'msgpackr';
import type { HistoryEntry, HistoryPlace } from '../../history/port.js';
import { CorruptEntry } from '../format.js';

/** What is kept of a history as a whole. */
export interface HistoryRecord {
  /** As in `HistoryHead`. */
  readonly keptSince: number;
  /** The last commit whose entries were dropped; 0 for none. Of the text, some of them may still be there. */
  readonly pruned: number;
  /** Entries of later commits. */
  readonly entries: number;
  /** When the oldest of them was made, in ms since the epoch; 0 when there is none. */
  readonly oldestAt: number;
  /** Updates of the text since it was last kept as a whole, and their bytes. */
  readonly textUpdates: number;
  readonly textBytes: number;
  /** Bytes of that whole; -1 where there is none. */
  readonly wholeBytes: number;
}

/** Of a history that begins. */
export function newRecord(keptSince: number): HistoryRecord {
  const none = { pruned: 0, entries: 0, oldestAt: 0, textUpdates: 0, textBytes: 0, wholeBytes: -1 };
  return { keptSince, ...none };
}

/** What follows the key of a record. */
export const parts = { entry: 1, update: 2, whole: 3 } as const;
export type Part = (typeof parts)[keyof typeof parts];

/** The first key of all histories, without a document's id. */
export const historyPrefix = Buffer.from('\0h');
/** Behind all of them. */
export const historiesEnd = Buffer.from('\0i');

export function historyKey(documentId: string): Buffer {
  return Buffer.from(`\0h${documentId}\0`);
}

/** The first key behind a history. */
export function historyEnd(documentId: string): Buffer {
  return Buffer.from(`\0h${documentId}\x01`);
}

/** @param index Infinity for the key behind all of the commit. */
export function partKey(documentId: string, part: Part, { commit, index }: HistoryPlace): Buffer {
  const head = historyKey(documentId);
  const key = Buffer.alloc(head.length + 13);
  head.copy(key);
  key[head.length] = part;
  key.writeBigUInt64BE(BigInt(commit), head.length + 1);
  key.writeUInt32BE(Math.min(index, 0xffff_ffff), head.length + 9);
  return key;
}

/** The first keys of one part of a history, and behind it. */
export function partRange(documentId: string, part: Part): { readonly start: Buffer; readonly end: Buffer } {
  const head = historyKey(documentId);
  return { start: Buffer.concat([head, Buffer.of(part)]), end: Buffer.concat([head, Buffer.of(part + 1)]) };
}

/** The place in a key of one of the parts. */
export function placeOf(key: Uint8Array): HistoryPlace {
  const view = Buffer.from(key.buffer, key.byteOffset, key.byteLength);
  const at = view.length - 12;
  return { commit: Number(view.readBigUInt64BE(at)), index: view.readUInt32BE(at + 8) };
}

/** The document in a key of a history, and which part the key is of; undefined for the record. */
export function readKey(key: Buffer): { readonly documentId: string; readonly part: Part | undefined } {
  const end = key.indexOf(0, historyPrefix.length);
  if (end === -1) throw new CorruptEntry('a key is not that of a history');
  const documentId = key.toString('utf8', historyPrefix.length, end);
  if (key.length === end + 1) return { documentId, part: undefined };
  const part = key[end + 1];
  if (key.length !== end + 14 || (part !== 1 && part !== 2 && part !== 3)) {
    throw new CorruptEntry('a key is not that of a history');
  }
  return { documentId, part };
}

export function isHistoryKey(key: Uint8Array): boolean {
  return key[0] === 0 && key[1] === historyPrefix[1];
}

const packr = new Packr({ useRecords: false });

export function encodeRecord(record: HistoryRecord): Buffer {
  const { keptSince, pruned, entries, oldestAt, textUpdates, textBytes, wholeBytes } = record;
  return packr.pack([keptSince, pruned, entries, oldestAt, textUpdates, textBytes, wholeBytes]);
}

/** @throws CorruptEntry */
export function decodeRecord(bytes: Uint8Array): HistoryRecord {
  const entry = unpack(bytes);
  if (!Array.isArray(entry) || entry.length !== 7 || !entry.every(Number.isSafeInteger)) {
    throw new CorruptEntry('the record of a history can’t be read');
  }
  const [keptSince, pruned, entries, oldestAt, textUpdates, textBytes, wholeBytes] = entry as Numbers;
  return { keptSince, pruned, entries, oldestAt, textUpdates, textBytes, wholeBytes };
}

type Numbers = [number, number, number, number, number, number, number];

export function encodeEntry(entry: HistoryEntry): Buffer {
  if (entry.kind === 'text') {
    const authors = entry.authors.map(({ userId, clientId }) => [userId ?? null, clientId ?? null]);
    return packr.pack([entry.at, null, authors, entry.bytes]);
  }
  const { at, path, before, after, author } = entry;
  return packr.pack([at, path, before, after, author.userId ?? null, author.clientId ?? null]);
}

/** The inverse of `encodeEntry`. @throws CorruptEntry */
export function decodeEntry(place: HistoryPlace, bytes: Uint8Array): HistoryEntry {
  const entry = unpack(bytes);
  const [at, path, third, fourth, userId, clientId] = Array.isArray(entry) ? (entry as unknown[]) : [];
  if (typeof at !== 'number') throw new CorruptEntry('an entry of a history can’t be read');
  if (path === null && Array.isArray(third) && typeof fourth === 'number') {
    return { kind: 'text', ...place, at, authors: third.map(authorOf), bytes: fourth };
  }
  if (typeof path !== 'string' || !isText(third) || !isText(fourth) || !isText(userId) || !isText(clientId)) {
    throw new CorruptEntry('an entry of a history can’t be read');
  }
  const author = { userId: userId ?? undefined, clientId: clientId ?? undefined };
  return { kind: 'field', ...place, at, path, before: third, after: fourth, author };
}

function authorOf(pair: unknown): { userId?: string; clientId?: string } {
  const [userId, clientId] = Array.isArray(pair) ? (pair as unknown[]) : [0];
  if (!isText(userId) || !isText(clientId)) throw new CorruptEntry('an author in a history can’t be read');
  return { ...(userId === null ? {} : { userId }), ...(clientId === null ? {} : { clientId }) };
}

function isText(value: unknown): value is string | null {
  return value === null || typeof value === 'string';
}

function unpack(bytes: Uint8Array): unknown {
  try {
    return packr.unpack(bytes) as unknown;
  } catch (cause) {
    throw new CorruptEntry('an entry is not msgpack', { cause });
  }
}
