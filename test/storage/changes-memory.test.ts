import { MemoryChanges } from '../../src/storage/changes/memory.js';
import { MemoryStorage } from '../../src/storage/memory.js';
import { changesContract } from '../contract/changes.js';

changesContract('memory', () => {
  const feed = new MemoryChanges();
  const storage = new MemoryStorage(feed);
  return Promise.resolve({ storage, feed, reopen: () => undefined, cleanup: () => storage.close() });
});
