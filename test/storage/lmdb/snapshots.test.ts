import { openLmdbSnapshots } from '../../../src/storage/lmdb/snapshots.js';
import { snapshotsContract } from '../../contract/snapshots.js';
import { newFolder } from './temporary-folder.js';

// A thread may open a folder only once; test/e2e/http/snapshots.test.ts has two processes.
snapshotsContract('LMDB', async (t) => {
  const store = openLmdbSnapshots(await newFolder(t));
  return [store, store];
});
