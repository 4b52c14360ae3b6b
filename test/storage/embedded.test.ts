import { openEmbeddedStorage } from '../../src/storage/embedded.js';
import { storageContract } from '../contract/storage.js';
import { makeFolder, removeFolder } from './folder.js';

storageContract('embedded', async () => {
  const directory = await makeFolder();
  let current = openEmbeddedStorage({ directory });
  return {
    storage: current,
    reopen: async () => {
      await current.close();
      current = openEmbeddedStorage({ directory });
      return current;
    },
    cleanup: async () => {
      await current.close();
      await removeFolder(directory);
    },
  };
});
