/** Temporary folders and LMDB storages for tests. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { openFolder, type ByteStore } from '../../../src/storage/lmdb/folder.js';
import { openLmdbStorage } from '../../../src/storage/lmdb/storage.js';
import type { Storage } from '../../../src/storage/port.js';

/** A new folder that is removed after the test. Its name has a dot, which must not make it a file. */
export async function newFolder(t: Test): Promise<string> {
  const folder = await makeFolder();
  t.teardown(() => removeFolder(folder));
  return folder;
}

export function makeFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'synckit.test-'));
}

export function removeFolder(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true });
}

/** A storage that is closed after the test, before its folder goes. */
export function openIn(t: Test, directory: string): Storage {
  const storage = openLmdbStorage({ directory });
  t.teardown(() => storage.close());
  return storage;
}

/** Changes the bytes of a store that nobody else has open. */
export async function tamper(directory: string, action: (store: ByteStore) => unknown): Promise<void> {
  const store = openFolder({ directory });
  await store.transaction(() => {
    action(store);
  });
  await store.close();
}
