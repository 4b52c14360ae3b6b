/** Checks an LMDB file from its meta pages to its last value. */

import { setImmediate } from 'node:timers/promises';
import { DamagedFile } from './damaged-file.js';
import type { DataFile } from './data-file.js';
import type { Meta } from './meta.js';
import { readFreeList } from './free-list.js';
import { exhaust, walk, type Damage, type WalkOptions } from './walk.js';

/** Bytes that are read in one turn of the event loop. */
const bytesPerTurn = 4 * 1024 ** 2;
/** Snapshots that a quick check tries while others write. */
const attempts = 20;

/**
 * A quick check: the meta pages, the list of free pages, which every commit reads, and the way to the entries of a range.
 * When the file is shorter than its last page, all pages are followed: only free ones may be missing. Others may write
 * meanwhile: pages of a snapshot can be used anew only after the next one, which is tried then.
 *
 * @throws DamagedFile
 */
export function checkQuickly(file: DataFile, range: Pick<WalkOptions, 'start' | 'end'>): void {
  for (let left = attempts; ; left--) {
    const meta = file.meta();
    try {
      checkSnapshot(file, meta, range);
      return;
    } catch (error) {
      if (!(error instanceof DamagedFile) || left === 1 || file.meta().txn === meta.txn) throw error;
    }
  }
}

function checkSnapshot(file: DataFile, meta: Meta, range: Pick<WalkOptions, 'start' | 'end'>): void {
  const isWhole = file.size >= (meta.lastPage + 1) * meta.pageSize;
  exhaust(
    walk(file, meta, meta.free, {
      onEntry: (_, list) => {
        readFreeList(list, meta.lastPage, () => undefined);
      },
    }),
  );
  exhaust(walk(file, meta, meta.main, isWhole ? range : {}));
}

export interface FileReport {
  readonly meta: Meta;
  /** Size of the file in bytes. */
  readonly bytes: number;
  /** Entries of the main tree that could be read. */
  readonly entries: number;
  /** Of the main tree. */
  readonly damages: readonly Damage[];
  /** Of the list of free pages. */
  readonly freeDamages: readonly Damage[];
}

/**
 * Reads everything. The event loop is given turns; nobody may write meanwhile, or a read transaction must be open.
 *
 * @param onEntry Called for each entry; the bytes are valid until it returns.
 * @param onTurn Awaited between turns, and at the end.
 * @throws DamagedFile when the meta pages can't be read, so that nothing is known.
 */
export async function checkWholly(
  file: DataFile,
  onEntry: (key: Buffer, value: Buffer) => void,
  onTurn: () => Promise<void> = setImmediate,
): Promise<FileReport> {
  const meta = file.meta();
  const { size: bytes } = file;
  const seen = new Uint8Array(Math.ceil((meta.lastPage + 1) / 8));
  const onPages = (first: number, count: number): void => {
    for (let page = first; page < first + count && page <= meta.lastPage; page++) {
      const bit = 1 << (page & 7);
      if (((seen[page >> 3] ?? 0) & bit) !== 0) throw new DamagedFile(`page ${page} is damaged: it is used twice`);
      seen[page >> 3] = (seen[page >> 3] ?? 0) | bit;
    }
  };
  const freeDamages: Damage[] = [];
  const damages: Damage[] = [];
  const found = (list: Damage[]) => (damage: Damage) => void list.push(damage);
  const free: (readonly [first: number, count: number])[] = [];
  const onList = (_: Buffer, list: Buffer): void => {
    readFreeList(list, meta.lastPage, (first, count) => void free.push([first, count]));
  };
  await inTurns(setImmediate, walk(file, meta, meta.free, { onPages, onDamage: found(freeDamages), onEntry: onList }));
  let entries = 0;
  await inTurns(
    onTurn,
    walk(file, meta, meta.main, {
      ordered: true,
      onPages,
      onDamage: found(damages),
      onEntry: (key, value) => {
        entries++;
        onEntry(key, value);
      },
    }),
  );
  for (const [first, count] of free) {
    try {
      onPages(first, count);
    } catch (error) {
      const { message } = error as DamagedFile;
      freeDamages.push({ page: first, reason: message, from: undefined, to: undefined });
    }
  }
  return { meta, bytes, entries, damages, freeDamages };
}

async function inTurns(onTurn: () => Promise<void>, steps: Generator<number, void>): Promise<void> {
  let bytes = 0;
  for (const read of steps) {
    bytes += read;
    if (bytes < bytesPerTurn) continue;
    bytes = 0;
    await onTurn();
  }
  await onTurn();
}
