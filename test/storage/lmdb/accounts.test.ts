import { openLmdbAccounts } from '../../../src/storage/lmdb/accounts.js';
import { accountsContract } from '../../contract/accounts.js';
import { newFolder } from './temporary-folder.js';

// A thread may open a folder only once; test/cli-accounts.test.ts has two processes.
accountsContract('LMDB', async (t) => {
  const store = openLmdbAccounts(await newFolder(t));
  return [store, store];
});
