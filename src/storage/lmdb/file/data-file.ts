/**
 * Reads an LMDB file with system calls, beside LMDB. LMDB maps the file and believes it: where the file is shorter than it
 * should be, or the disk fails, the process is killed by SIGBUS, where a page holds something else, by SIGSEGV. Here all
 * of that is an error.
 */

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { DamagedFile } from './damaged-file.js';
import { metaBytes, newestMeta, pageSizeOf, type Meta } from './meta.js';
import { branch, checkExtent, leaf, Page, type Extent } from './page.js';

/** Attempts to read both meta pages while others write them. */
const attempts = 20;
const pauseMs = 5;
/** Bytes of large values that are read at a time. */
const chunkBytes = 1024 ** 2;
/** Pages of branches that are kept, a megabyte. */
const branchesKept = 256;

export class DataFile {
  readonly #descriptor: number;
  #chunk: Buffer | undefined;
  /** The leaf that was read last. */
  #leaf: Buffer | undefined;
  #metas: Buffer | undefined;
  /** The bytes from the first to the second meta page, as they were read last, and what they say. */
  #last: { readonly bytes: Buffer; readonly meta: Meta } | undefined;
  /** Branches of the last snapshot that were checked. */
  readonly #branches = new Map<number, Page>();

  /** @throws Error of the system, when there is no such file or it can't be read. */
  constructor(path: string) {
    this.#descriptor = openSync(path, 'r');
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  /** Size of the file in bytes. */
  get size(): number {
    return fstatSync(this.#descriptor).size;
  }

  /**
   * The last snapshot. Its pages are not reused as long as a read transaction of LMDB is open that was begun before.
   *
   * @throws DamagedFile
   */
  meta(): Meta {
    let failure: unknown;
    for (let attempt = 0; attempt < attempts; attempt++) {
      if (attempt > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs);
      try {
        const read = this.#metaPages();
        if (this.#last?.bytes.equals(read) === true) return this.#last.meta;
        const bytes = Buffer.from(read);
        // Otherwise it was read while somebody wrote it.
        if (!bytes.equals(this.#metaPages())) continue;
        const second = bytes.length - metaBytes;
        const meta = newestMeta([bytes.subarray(0, metaBytes), bytes.subarray(second)]);
        this.#last = { bytes, meta };
        this.#branches.clear();
        return meta;
      } catch (error) {
        if (!(error instanceof DamagedFile)) throw error;
        failure = error;
      }
    }
    throw failure instanceof DamagedFile ? failure : new DamagedFile('its meta pages change all the time');
  }

  /** A page of a tree; a leaf is valid until the next one is read. @throws DamagedFile */
  page(number: number, kind: typeof branch | typeof leaf, { pageSize, lastPage, txn }: Meta): Page {
    const isLast = kind === branch && this.#last?.meta.txn === txn;
    const known = isLast ? this.#branches.get(number) : undefined;
    if (known !== undefined) return known;
    if (number < 2 || number > lastPage) throw new DamagedFile(`page ${number} is not in the file`);
    if (this.#leaf?.length !== pageSize) this.#leaf = Buffer.allocUnsafeSlow(pageSize);
    const bytes = kind === leaf ? this.#leaf : Buffer.allocUnsafe(pageSize);
    const page = new Page(this.#read(bytes, number, pageSize), number, kind, txn);
    if (isLast && this.#branches.size < branchesKept) this.#branches.set(number, page);
    return page;
  }

  /**
   * Reads a value that lies on pages of its own, piece by piece.
   *
   * @param take Called with each piece, which is valid until it returns.
   * @throws DamagedFile
   */
  extent(extent: Extent, { pageSize, lastPage, txn }: Meta, take: (piece: Buffer) => void): void {
    const { page, pages } = extent;
    if (page < 2 || pages < 1 || page + pages - 1 > lastPage) throw new DamagedFile(`page ${page} is not in the file`);
    this.#chunk ??= Buffer.allocUnsafeSlow(chunkBytes);
    const perChunk = chunkBytes / pageSize;
    for (let done = 0; done < pages; done += perChunk) {
      const bytes = this.#chunk.subarray(0, Math.min(perChunk, pages - done) * pageSize);
      this.#read(bytes, page + done, pageSize);
      if (done === 0) checkExtent(bytes.subarray(0, pageSize), extent, txn);
      take(bytes);
    }
  }

  /** Valid until it is called again. */
  #metaPages(): Buffer {
    let size = this.#last?.meta.pageSize;
    if (size === undefined) {
      const first = Buffer.alloc(metaBytes);
      size = pageSizeOf(first.subarray(0, readSync(this.#descriptor, first, 0, metaBytes, 0)));
    }
    if (this.#metas?.length !== size + metaBytes) this.#metas = Buffer.allocUnsafeSlow(size + metaBytes);
    const read = readSync(this.#descriptor, this.#metas, 0, this.#metas.length, 0);
    if (read < this.#metas.length) throw new DamagedFile('meta page 1 is damaged: the file ends in it');
    return this.#metas;
  }

  #read(bytes: Buffer, page: number, pageSize: number): Buffer {
    let read: number;
    try {
      read = readSync(this.#descriptor, bytes, 0, bytes.length, page * pageSize);
    } catch (cause) {
      throw new DamagedFile(`page ${page} can't be read: ${cause instanceof Error ? cause.message : ''}`, { cause });
    }
    if (read < bytes.length) throw new DamagedFile(`page ${page} is missing: the file is cut off`);
    return bytes;
  }
}

export { branch, leaf };
