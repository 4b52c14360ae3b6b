/** Walks the trees of an LMDB file, and checks every page on the way. */

import { DamagedFile } from './damaged-file.js';
import { branch, leaf, type DataFile } from './data-file.js';
import type { Meta, Tree } from './meta.js';
import type { Page } from './page.js';

/** A part of a tree that can't be read. */
export interface Damage {
  readonly page: number;
  readonly reason: string;
  /** Keys that are lost are not less than this one; undefined at the start. */
  readonly from: Buffer | undefined;
  /** Keys that are lost are less than this one; undefined at the end. */
  readonly to: Buffer | undefined;
}

/** What was walked is whole, but not a page beside it. */
export class DamagedNeighbour extends DamagedFile {}

export interface WalkOptions {
  /** Only what lies between these keys, the second one excluded, is walked. */
  readonly start?: Buffer;
  readonly end?: Buffer;
  /** Whether keys must ascend. */
  readonly ordered?: boolean;
  /**
   * Whether the pages beside those of the keys are checked too: those after them, which a cursor reads to find the end, or
   * those on both sides, with which the removal of entries may join a page.
   */
  readonly neighbours?: 'after' | 'both';
  /** Called before a page or a run of them is used. */
  readonly onPages?: (page: number, count: number) => void;
  /** Called for each entry; the bytes are valid until it returns. */
  readonly onEntry?: (key: Buffer, value: Buffer) => void;
  /** Called for what can't be read, which is passed over. Without it, the walk throws. */
  readonly onDamage?: (damage: Damage) => void;
}

/**
 * Yields the bytes that it has read since the last time, so that the caller can take turns.
 *
 * @throws DamagedFile
 */
export function* walk(
  file: DataFile,
  meta: Meta,
  { root, depth }: Tree,
  options: WalkOptions = {},
): Generator<number, void> {
  if (root !== undefined) yield* visit(root, depth, undefined, undefined);

  function* visit(number: number, levels: number, from: Key, to: Key): Generator<number, void> {
    let page: Page | undefined;
    try {
      options.onPages?.(number, 1);
      page = file.page(number, levels > 1 ? branch : leaf, meta);
      if (options.ordered === true) checkOrder(page, number, levels > 1 ? 1 : 0, from, to);
      if (levels === 1) readEntries(page);
    } catch (error) {
      if (!(error instanceof DamagedFile) || options.onDamage === undefined) throw error;
      options.onDamage({ page: number, reason: error.message, from, to });
      return;
    }
    yield meta.pageSize;
    if (levels === 1) return;
    const begin = options.start === undefined ? 0 : childOf(page, options.start);
    let i = begin;
    for (; i < page.count; i++) {
      const first = i === 0 ? from : page.key(i);
      if (i > begin && first !== undefined && options.end !== undefined && first.compare(options.end) >= 0) break;
      yield* visit(page.child(i), levels - 1, first, i + 1 < page.count ? page.key(i + 1) : to);
    }
    if (options.neighbours === undefined) return;
    if (options.neighbours === 'both' && begin > 0) checkFirst(page.child(begin - 1), levels - 1);
    if (i < page.count) checkFirst(page.child(i), levels - 1);
  }

  /** Checks the pages on the way to the first entry below one. */
  function checkFirst(number: number, levels: number): void {
    try {
      const page = file.page(number, levels > 1 ? branch : leaf, meta);
      if (levels > 1) checkFirst(page.child(0), levels - 1);
    } catch (error) {
      throw error instanceof DamagedFile ? new DamagedNeighbour(error.message) : error;
    }
  }

  function readEntries(page: Page): void {
    for (let i = 0; i < page.count; i++) {
      if (options.onEntry === undefined && !page.isLarge(i)) continue;
      const key = page.key(i);
      if (options.start !== undefined && key.compare(options.start) < 0) continue;
      if (options.end !== undefined && key.compare(options.end) >= 0) continue;
      const value = page.value(i);
      if (Buffer.isBuffer(value)) {
        options.onEntry?.(key, value);
        continue;
      }
      options.onPages?.(value.page, value.pages);
      const pieces: Buffer[] = [];
      file.extent(value, meta, (piece) => {
        if (options.onEntry !== undefined) pieces.push(Buffer.from(piece));
      });
      options.onEntry?.(key, Buffer.concat(pieces).subarray(24, 24 + value.size));
    }
  }
}

/** Walks to the end at once. @throws DamagedFile */
export function exhaust(steps: Generator<number, void>): void {
  while (steps.next().done !== true);
}

type Key = Buffer | undefined;

/** Which child of a branch holds a key: the last one that does not begin behind it. The first key of a branch is not used. */
function childOf(page: Page, key: Buffer): number {
  let low = 0;
  let high = page.count - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (page.key(middle).compare(key) <= 0) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** @param first The first key of a branch is not used and may be anything. */
function checkOrder(page: Page, number: number, first: number, from: Key, to: Key): void {
  let before = from;
  for (let i = first; i < page.count; i++) {
    const key = page.key(i);
    const order = before === undefined ? 1 : key.compare(before);
    if (order < 0 || (order === 0 && i > first))
      throw new DamagedFile(`page ${number} is damaged: its keys are in disorder`);
    before = key;
  }
  if (to !== undefined && before !== undefined && before.compare(to) >= 0) {
    throw new DamagedFile(`page ${number} is damaged: its keys belong elsewhere`);
  }
}
