import { openMemorySnapshots } from '../../src/storage/snapshots/memory.js';
import { snapshotsContract } from '../contract/snapshots.js';

snapshotsContract('memory', () => {
  const store = openMemorySnapshots();
  return Promise.resolve([store, store]);
});
