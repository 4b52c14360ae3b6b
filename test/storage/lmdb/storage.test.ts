import { openLmdbStorage } from '../../../src/storage/lmdb/storage.js';
import { storageContract } from '../../contract/storage.js';
import { makeFolder, removeFolder } from './temporary-folder.js';

storageContract('LMDB', async () => {
  const directory = await makeFolder();
  let current = openLmdbStorage({ directory });
  return {
    storage: current,
    reopen: async () => {
      await current.close();
      current = openLmdbStorage({ directory });
      return current;
    },
    cleanup: async () => {
      await current.close();
      await removeFolder(directory);
    },
  };
});
