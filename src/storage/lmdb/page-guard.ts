/** Checks the pages that a read or a removal would follow, before LMDB follows them. */

import { join } from 'node:path';
import type { ByteStore } from './folder.js';
import { dataName } from './before-open.js';
import { DamagedFile } from './file/damaged-file.js';
import { DataFile } from './file/data-file.js';
import type { Meta } from './file/meta.js';
import { exhaust, walk } from './file/walk.js';
import { documentEnd, documentKey } from './format.js';
import { historyEnd, historyKey } from './history/format.js';

interface Entry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export class PageGuard {
  readonly #file: DataFile;
  readonly #store: ByteStore;

  constructor(store: ByteStore, directory: string) {
    this.#store = store;
    this.#file = new DataFile(join(directory, dataName));
  }

  close(): void {
    this.#file.close();
  }

  /**
   * The present snapshot. Begin a read transaction before: then the pages of this snapshot stay too.
   *
   * @throws DamagedFile
   */
  meta(): Meta {
    return this.#file.meta();
  }

  /**
   * Checks all pages of a document and those that a cursor reads to find its end. Yields the bytes that were read.
   *
   * @throws DamagedNeighbour when only a page behind the document is damaged: `entries` can be read.
   * @throws DamagedFile
   */
  document(documentId: string, meta: Meta): Generator<number, void> {
    return walk(this.#file, meta, meta.main, { ...rangeOf(documentId), neighbours: 'after' });
  }

  /** Checks all pages of the history of a document. Yields the bytes that were read. @throws DamagedFile */
  history(documentId: string, meta: Meta): Generator<number, void> {
    const [start, end] = [historyKey(documentId), historyEnd(documentId)];
    return walk(this.#file, meta, meta.main, { start, end, neighbours: 'both' });
  }

  /** Checks the pages between two keys, which a cursor reads forwards. Yields the bytes that were read. @throws DamagedFile */
  between(start: Buffer, end: Buffer, meta: Meta): Generator<number, void> {
    return walk(this.#file, meta, meta.main, { start, end, neighbours: 'after' });
  }

  /** Checks the way to the record of a document. @throws DamagedFile */
  checkRecord(documentId: string, meta: Meta): void {
    const start = documentKey(documentId);
    exhaust(walk(this.#file, meta, meta.main, { start, end: Buffer.concat([start, Buffer.of(0)]) }));
  }

  /** Checks the way to the first key that is not less than this one, behind which a cursor may have to look. @throws DamagedFile */
  checkSeek(start: Buffer, meta: Meta): void {
    const end = Buffer.concat([start, Buffer.of(0)]);
    exhaust(walk(this.#file, meta, meta.main, { start, end, neighbours: 'after' }));
  }

  /** Reads the entries of a document without LMDB. @throws DamagedFile */
  entries(documentId: string, meta: Meta): Entry[] {
    const entries: Entry[] = [];
    const onEntry = (key: Buffer, value: Buffer): void => {
      entries.push({ key: Buffer.from(key), value: Buffer.from(value) });
    };
    exhaust(walk(this.#file, meta, meta.main, { ...rangeOf(documentId), onEntry }));
    return entries;
  }

  /** Whether entries of a document may be removed: LMDB joins pages that become empty with those beside them. */
  allowsRemoval(documentId: string): boolean {
    const { start, end } = rangeOf(documentId);
    return this.allowsRemovalIn(start, end);
  }

  /** The same for the entries of a range. */
  allowsRemovalIn(start: Buffer, end: Buffer): boolean {
    const snapshot = this.#store.useReadTransaction();
    try {
      const meta = this.meta();
      exhaust(walk(this.#file, meta, meta.main, { start, end, neighbours: 'both' }));
      return true;
    } catch (error) {
      if (error instanceof DamagedFile) return false;
      throw error;
    } finally {
      snapshot.done();
    }
  }
}

function rangeOf(documentId: string): { readonly start: Buffer; readonly end: Buffer } {
  return { start: documentKey(documentId), end: documentEnd(documentId) };
}
