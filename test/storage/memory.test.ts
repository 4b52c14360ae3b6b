import { MemoryStorage } from '../../src/storage/memory.js';
import { storageContract } from '../contract/storage.js';

storageContract('memory', () => {
  const storage = new MemoryStorage();
  return Promise.resolve({ storage, reopen: () => undefined, cleanup: () => storage.close() });
});
