/**
 * The layout of the feed of changes, in the environment of the documents, so that a commit and its entries are one
 * transaction. Its keys begin with NUL, as no document's does:
 *
 *   00 01              the state of the feed: [name, last place, floor, entries]
 *   00 02 <place>      an entry, by its place in 8 bytes: [document id, kind, commit, time in ms since the epoch]
 *   00 03 <id>         the place of a document's entry
 *
 * The values are msgpack. The name is empty when commits were not recorded for a while.
 */
import { Packr } from 'msgpackr';
import { changeKinds, type Change } from '../../changes/port.js';
import { CorruptEntry } from '../format.js';

export interface FeedState {
  readonly name: string;
  readonly last: number;
  /** The greatest place that was removed. */
  readonly floor: number;
  readonly entries: number;
}

const packr = new Packr({ useRecords: false });

export const stateKey = Buffer.of(0, 1);
/** The range of all entries. */
export const entriesEnd = Buffer.of(0, 3);

/** Whether a key is of the feed. */
export function isFeedKey(key: Uint8Array): boolean {
  return key[0] === 0 && (key[1] ?? 0) >= 1 && (key[1] ?? 0) <= 3;
}

export function entryKey(place: number): Buffer {
  const key = Buffer.allocUnsafe(10);
  key.writeUInt16BE(2, 0);
  key.writeBigUInt64BE(BigInt(place), 2);
  return key;
}

/** @throws CorruptEntry */
export function placeOfKey(key: Uint8Array): number {
  const bytes = Buffer.from(key.buffer, key.byteOffset, key.byteLength);
  if (bytes.length !== 10) throw new CorruptEntry('a key is not that of a change');
  return Number(bytes.readBigUInt64BE(2));
}

export function placeKey(documentId: string): Buffer {
  return Buffer.from(`\0\x03${documentId}`);
}

export function encodeState({ name, last, floor, entries }: FeedState): Buffer {
  return packr.pack([name, last, floor, entries]);
}

/** @throws CorruptEntry */
export function decodeState(bytes: Uint8Array): FeedState {
  const [name, last, floor, entries] = arrayOf(bytes);
  if (typeof name !== 'string' || !isCount(last) || !isCount(floor) || !isCount(entries)) {
    throw new CorruptEntry('the state of the feed of changes can’t be read');
  }
  return { name, last, floor, entries };
}

export function encodeChange({ documentId, kind, commit, at }: Change): Buffer {
  return packr.pack([documentId, changeKinds.indexOf(kind), commit, at]);
}

/** @throws CorruptEntry */
export function decodeChange(bytes: Uint8Array): Change {
  const [documentId, code, commit, at] = arrayOf(bytes);
  const kind = isCount(code) ? changeKinds[code] : undefined;
  if (typeof documentId !== 'string' || kind === undefined || !isCount(commit) || !isCount(at)) {
    throw new CorruptEntry('an entry of the feed of changes can’t be read');
  }
  return { documentId, kind, commit, at };
}

export function encodePlace(place: number): Buffer {
  return packr.pack(place);
}

/** @throws CorruptEntry */
export function decodePlace(bytes: Uint8Array): number {
  const place = unpack(bytes);
  if (!isCount(place)) throw new CorruptEntry('the place of a change can’t be read');
  return place;
}

/** Checks an entry of the file. @throws CorruptEntry */
export function readFeedEntry(key: Buffer, value: Buffer): void {
  if (key[1] === 1) decodeState(value);
  else if (key[1] === 3) decodePlace(value);
  else {
    placeOfKey(key);
    decodeChange(value);
  }
}

function arrayOf(bytes: Uint8Array): unknown[] {
  const value = unpack(bytes);
  return Array.isArray(value) && value.length === 4 ? (value as unknown[]) : [];
}

function unpack(bytes: Uint8Array): unknown {
  try {
    return packr.unpack(bytes) as unknown;
  } catch (cause) {
    throw new CorruptEntry('an entry is not msgpack', { cause });
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
