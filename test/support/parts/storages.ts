/** The durable storages, for tests of whole servers that run on each of them. */
import type { Test } from 'tap';
import { folder } from '../nodes/fixture.js';
import { database } from '../postgres/postgres.js';

export const durableStorages = ['embedded', 'postgres'] as const;

/** What a server's environment must hold for a new, empty storage that is removed after the test. */
export async function storageEnv(t: Test, kind: (typeof durableStorages)[number]): Promise<NodeJS.ProcessEnv> {
  switch (kind) {
    case 'embedded':
      return { SYNCKIT_DATA_DIR: await folder(t) };
    case 'postgres':
      return { DATABASE_URL: (await database(t)).url };
  }
}
