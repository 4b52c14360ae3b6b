/** A folder of the embedded storage with known documents, and ways to damage it. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { DataFile } from '../../src/storage/lmdb/file/data-file.js';
import { exhaust, walk } from '../../src/storage/lmdb/file/walk.js';
import { documentKey } from '../../src/storage/lmdb/format.js';
import { openLmdbStorage } from '../../src/storage/lmdb/storage.js';
import type { DocumentChange } from '../../src/storage/port.js';
import type { Random } from '../contract/random.js';
import { row } from '../contract/storage-rows.js';
import { update } from '../contract/storage-text.js';

export const pageBytes = 4096;

/** Ids of the documents in `wholeFolder`, in the order of their keys. */
export const documentIds = Array.from({ length: 60 }, (_, i) => `doc${100 + i}`);

/**
 * Makes a folder with documents of small fields and large ones, and with free pages.
 *
 * @param options Whether some have updates of texts: only for the storage, no text can be read from them.
 */
export async function wholeFolder(t: Test, { withTexts = false } = {}): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'synckit.whole-'));
  t.teardown(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  const storage = openLmdbStorage({ directory });
  for (let counter = 1; counter <= 3; counter++) {
    await storage.commit(documentIds.map((documentId, i) => changeOf(documentId, i, counter, withTexts)));
  }
  await storage.close();
  return directory;
}

function changeOf(documentId: string, index: number, counter: number, withTexts: boolean): DocumentChange {
  const fields = Array.from({ length: 40 }, (_, i) => row({ path: `f${i}`, value: `"${'x'.repeat(i * 5)}"`, counter }));
  if (index % 5 === 0) fields.push(row({ path: 'large', value: `"${'y'.repeat(30_000)}"`, counter }));
  const text =
    withTexts && index % 3 === 0 ? { append: [update(counter, new Uint8Array(500 * index))], replaces: [] } : undefined;
  return { documentId, stamp: counter, fields, text };
}

/** A copy of a folder, with its lock. Removed after the test. */
export function copyOf(t: Test, folder: string): string {
  const copy = mkdtempSync(join(tmpdir(), 'synckit.damaged-'));
  t.teardown(() => {
    rmSync(copy, { recursive: true, force: true });
  });
  mkdirSync(copy, { recursive: true });
  for (const name of ['data.mdb', 'lock.mdb', 'synckit.json']) copyFileSync(join(folder, name), join(copy, name));
  return copy;
}

/** Changes the bytes of a folder's file. */
export function change(folder: string, action: (bytes: Buffer) => Buffer | undefined): void {
  const path = join(folder, 'data.mdb');
  const bytes = readFileSync(path);
  writeFileSync(path, action(bytes) ?? bytes);
}

/** The pages of a document, from the root. */
export function pagesOf(directory: string, documentId: string): number[] {
  const file = new DataFile(join(directory, 'data.mdb'));
  try {
    const meta = file.meta();
    const pages: number[] = [];
    const start = documentKey(documentId);
    const end = Buffer.concat([start, Buffer.of(0)]);
    exhaust(walk(file, meta, meta.main, { start, end, onPages: (page) => pages.push(page) }));
    return pages;
  } finally {
    file.close();
  }
}

/** Overwrites the page that holds the record of a document. */
export function damageDocument(directory: string, documentId: string): void {
  const page = pagesOf(directory, documentId).at(-1)!;
  change(directory, (bytes) => bytes.fill(7, page * pageBytes, (page + 1) * pageBytes));
}

/** Overwrites some pages of the file behind its meta pages, in one of several ways. Returns which and how. */
export function damageAtRandom(folder: string, random: Random): string {
  const done: string[] = [];
  change(folder, (bytes) => {
    const pages = bytes.length / pageBytes;
    for (let i = random.below(4); i >= 0; i--) {
      const page = 2 + random.below(pages - 2);
      const at = page * pageBytes;
      const way = random.pick(['zeros', 'noise', 'header', 'another page', 'bits', 'numbers']);
      done.push(`page ${page}: ${way}`);
      if (way === 'zeros') bytes.fill(0, at, at + pageBytes);
      else if (way === 'another page') bytes.copyWithin(at, (2 + random.below(pages - 2)) * pageBytes, at);
      const parts: Record<string, readonly [number, number]> = {
        noise: [0, pageBytes],
        header: [0, 40],
        numbers: [8, 200],
      };
      const [from, count] = parts[way] ?? [0, 0];
      for (let k = 0; k < count; k++) bytes[at + from + k] = random.below(256);
      if (way !== 'bits') continue;
      for (let k = 0; k < 20; k++) bytes[at + random.below(pageBytes)]! ^= 1 << random.below(8);
    }
    return random.below(5) === 0 ? bytes.subarray(0, bytes.length - random.below(pages) * pageBytes) : bytes;
  });
  return done.join(', ');
}
