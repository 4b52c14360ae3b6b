import { openMemoryAccounts } from '../../src/storage/accounts/memory.js';
import { accountsContract } from '../contract/accounts.js';

accountsContract('memory', () => {
  const store = openMemoryAccounts();
  return Promise.resolve([store, store]);
});
