/** Opens the feed of changes of the storage that is configured. */
import type { StorageConfig } from '../config/load.js';
import type { ChangeFeed } from '../storage/changes/port.js';

/** One reads pages, one prunes. */
const MAX_CONNECTIONS = 2;

/** @throws Error when the storage can't be opened. */
export async function openFeed(storage: StorageConfig, run: string): Promise<ChangeFeed> {
  switch (storage.kind) {
    case 'postgres': {
      const { openPostgresChanges } = await import('../storage/postgres/changes/feed.js');
      const { url, statementTimeoutMs } = storage;
      return openPostgresChanges({
        ...{ url, statementTimeoutMs },
        minConnections: 0,
        maxConnections: MAX_CONNECTIONS,
      });
    }
    case 'embedded': {
      const { openLmdbChanges } = await import('../storage/lmdb/changes/feed.js');
      return openLmdbChanges({ directory: storage.directory, mapSizeBytes: storage.mapBytes });
    }
    case 'memory': {
      const { MemoryChanges } = await import('../storage/changes/memory.js');
      const { receiveChanges } = await import('../storage/changes/channel.js');
      const feed = new MemoryChanges();
      receiveChanges(run, feed);
      return feed;
    }
  }
}
