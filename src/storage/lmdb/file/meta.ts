/**
 * The two meta pages of an LMDB file: each begins one snapshot of it, and commits write them in turn. The layout is that of
 * LMDB 1.0 (data version 2) on a machine of 64 bits and little-endian byte order, as the package lmdb writes it.
 */

import { DamagedFile } from './damaged-file.js';

/** A B+tree of the file. */
export interface Tree {
  /** Page number; undefined for an empty tree. */
  readonly root: number | undefined;
  /** Levels of pages, leaves included. */
  readonly depth: number;
}

/** A snapshot of the file. */
export interface Meta {
  /** Number of the transaction that wrote it. */
  readonly txn: number;
  readonly pageSize: number;
  /** The greatest page number. Pages at the end that are free may be missing in the file. */
  readonly lastPage: number;
  /** Which pages are free. */
  readonly free: Tree;
  readonly main: Tree;
}

/** Bytes of a page before its content. */
export const headerBytes = 24;
/** Bytes of a meta page that are used. */
export const metaBytes = headerBytes + 144;

const metaFlag = 0x08;
const magic = 0xbeefc0de;
const dataVersion = 2;
/** All bits of 64 are set, as a floating-point number. */
const noPage = 2 ** 64;
const maxDepth = 32;

/**
 * @param pages The first bytes of both meta pages.
 * @throws DamagedFile when one of them is not what LMDB wrote: it may have been that of the last commit.
 */
export function newestMeta(pages: readonly [Buffer, Buffer]): Meta {
  const [first, second] = pages.map((page, index) => readMeta(page, index)) as [Meta, Meta];
  if (Math.abs(first.txn - second.txn) > 1) {
    throw new DamagedFile(
      `the meta pages are of transactions ${first.txn} and ${second.txn}, which never lie so far apart`,
    );
  }
  const newest = first.txn >= second.txn ? first : second;
  // Not of the other one: when a commit fails, LMDB leaves the trees of that commit under the former number.
  for (const { root, depth } of [newest.free, newest.main]) {
    const isSound =
      root === undefined ? depth === 0 : root >= 2 && root <= newest.lastPage && depth >= 1 && depth <= maxDepth;
    if (!isSound)
      throw new DamagedFile(`meta page ${newest === first ? 0 : 1} is damaged: the root of a tree is not in the file`);
  }
  return newest;
}

/** The size of the file's pages, from its first bytes. @throws DamagedFile */
export function pageSizeOf(page: Buffer): number {
  return readMeta(page, 0).pageSize;
}

function readMeta(page: Buffer, index: number): Meta {
  const fault = (what: string): DamagedFile => new DamagedFile(`meta page ${index} is damaged: ${what}`);
  if (page.length < metaBytes) throw fault('the file ends in it');
  const meta = page.subarray(headerBytes);
  if (meta.readUInt32LE(0) !== magic) throw fault('it is not one of an LMDB file');
  const version = meta.readUInt32LE(4) & 0xffff;
  if (version !== dataVersion) {
    throw new DamagedFile(`it has data version ${version} of LMDB, this server reads version ${dataVersion}`);
  }
  if (page.readUInt16LE(18) !== metaFlag || number64(page, 0) !== index) throw fault('its header is another one');
  const txn = number64(meta, 128);
  const pageSize = meta.readUInt32LE(24);
  const lastPage = number64(meta, 120);
  if (pageSize < 512 || pageSize > 65_536 || (pageSize & (pageSize - 1)) !== 0) throw fault('its page size is none');
  if (lastPage < 1 || lastPage > Number.MAX_SAFE_INTEGER / pageSize) throw fault('its page count is none');
  if (txn > Number.MAX_SAFE_INTEGER || (txn !== 0 && (txn & 1) !== index)) throw fault('its transaction is none');
  if (meta.readUInt16LE(72 + 4) !== 0) throw fault('its flags are other ones');
  const trees = [24, 72].map((at): Tree => {
    const root = number64(meta, at + 40);
    return { root: root === noPage ? undefined : root, depth: meta.readUInt16LE(at + 6) };
  }) as [Tree, Tree];
  return { txn, pageSize, lastPage, free: trees[0], main: trees[1] };
}

/** An integer of 64 bits; inexact above 2^53. */
export function number64(buffer: Buffer, at: number): number {
  return buffer.readUInt32LE(at) + buffer.readUInt32LE(at + 4) * 2 ** 32;
}
