/** Pages of the trees of an LMDB file: checks that whoever follows what a page says stays inside of it. */

import { DamagedFile } from './damaged-file.js';
import { headerBytes, number64 } from './meta.js';

export const branch = 0x01;
export const leaf = 0x02;
const overflow = 0x04;
/** Flags that LMDB uses while it writes, and that mean nothing on disk. */
const transient = 0xe000;

/** Of a node: its value lies on pages of its own. */
const bigData = 0x01;
const nodeBytes = 8;
/** Of the place of such a value: first page, transaction, number of pages. */
const placeBytes = 24;

/** A page of a tree whose nodes all lie inside of it. */
export class Page {
  readonly #bytes: Buffer;
  readonly count: number;

  /** @throws DamagedFile when it is not the page of this number and kind, or is newer than the snapshot. */
  constructor(bytes: Buffer, number: number, kind: typeof branch | typeof leaf, txn: number) {
    checkHeader(bytes, number, kind, txn);
    this.#bytes = bytes;
    const room = bytes.length - headerBytes;
    const lower = bytes.readUInt16LE(20);
    const upper = bytes.readUInt16LE(22);
    this.count = lower >> 1;
    if ((lower & 1) !== 0 || lower > upper || upper > room || this.count === 0) {
      throw new DamagedFile(`page ${number} is damaged: its bounds are not in it`);
    }
    for (let i = 0; i < this.count; i++) {
      const offset = bytes.readUInt16LE(headerBytes + 2 * i);
      if (offset < upper || offset + nodeBytes > room || offset + this.#sizeAt(offset, kind) > room) {
        throw new DamagedFile(`page ${number} is damaged: an entry is not in it`);
      }
    }
  }

  /** Valid as long as the bytes of the page. */
  key(index: number): Buffer {
    const node = this.#node(index);
    return this.#bytes.subarray(node + nodeBytes, node + nodeBytes + this.#bytes.readUInt16LE(node + 6));
  }

  /** Of a branch: the page below. */
  child(index: number): number {
    const node = this.#node(index);
    return this.#bytes.readUInt32LE(node) + this.#bytes.readUInt16LE(node + 4) * 2 ** 32;
  }

  /** Of a leaf: whether the value lies on pages of its own. */
  isLarge(index: number): boolean {
    return (this.#bytes.readUInt16LE(this.#node(index) + 4) & bigData) !== 0;
  }

  /** Of a leaf: the bytes of the value, or where they are. */
  value(index: number): Buffer | Extent {
    const node = this.#node(index);
    const size = this.#bytes.readUInt32LE(node);
    const start = node + nodeBytes + this.#bytes.readUInt16LE(node + 6);
    if (!this.isLarge(index)) return this.#bytes.subarray(start, start + size);
    return { page: number64(this.#bytes, start), pages: number64(this.#bytes, start + 16), size };
  }

  #node(index: number): number {
    return headerBytes + this.#bytes.readUInt16LE(headerBytes + 2 * index);
  }

  #sizeAt(offset: number, kind: number): number {
    const node = headerBytes + offset;
    const size = nodeBytes + this.#bytes.readUInt16LE(node + 6);
    if (kind === branch) return size;
    const flags = this.#bytes.readUInt16LE(node + 4);
    // Databases in the database, and several values of a key, are not used here.
    if ((flags & ~bigData) !== 0) return Infinity;
    return size + (flags === bigData ? placeBytes : this.#bytes.readUInt32LE(node));
  }
}

/** A value on pages of its own. */
export interface Extent {
  readonly page: number;
  readonly pages: number;
  /** In bytes; they begin after the header of the first page. */
  readonly size: number;
}

/** @param bytes The first page of the extent. @throws DamagedFile */
export function checkExtent(bytes: Buffer, { page, pages, size }: Extent, txn: number): void {
  checkHeader(bytes, page, overflow, txn);
  if (bytes.readUInt32LE(20) !== pages || headerBytes + size > pages * bytes.length) {
    throw new DamagedFile(`page ${page} is damaged: its value has another size`);
  }
}

function checkHeader(bytes: Buffer, number: number, kind: number, txn: number): void {
  const fault = (what: string): DamagedFile => new DamagedFile(`page ${number} is damaged: ${what}`);
  if (number64(bytes, 0) !== number) throw fault('it has another number');
  if ((bytes.readUInt16LE(18) & ~transient) !== kind) throw fault('it is of another kind');
  if (number64(bytes, 8) > txn) throw fault('it is of another transaction');
}
