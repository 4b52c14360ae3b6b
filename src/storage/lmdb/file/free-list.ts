/** The lists of free pages of an LMDB file, as the package lmdb writes them. */

import { DamagedFile } from './damaged-file.js';

/**
 * Reads one list: a count, then as many slots of 64 bits. A slot is a page, 0 for nothing, or −n before the first of n pages
 * in a row. Commits write to what it names: what is not in the file, or a tree uses, would be destroyed.
 *
 * @param take Called with the first page and the number of pages of each run.
 * @throws DamagedFile
 */
export function readFreeList(list: Buffer, lastPage: number, take: (first: number, count: number) => void): void {
  const slots = Math.floor(list.length / 8);
  const count = slots === 0 ? 0 : Number(list.readBigInt64LE(0));
  if (slots === 0 || count < 0 || count >= slots) throw new DamagedFile('a list of free pages has another length');
  for (let i = 1; i <= count; i++) {
    let slot = Number(list.readBigInt64LE(8 * i));
    if (slot === 0) continue;
    let length = 1;
    if (slot < 0) {
      length = -slot;
      slot = ++i <= count ? Number(list.readBigInt64LE(8 * i)) : 0;
    }
    if (slot < 2 || slot + length - 1 > lastPage)
      throw new DamagedFile('a list of free pages names pages beyond the file');
    take(slot, length);
  }
}
