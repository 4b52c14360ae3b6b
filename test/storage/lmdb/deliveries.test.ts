import { openLmdbDeliveries } from '../../../src/storage/lmdb/webhooks.js';
import { deliveriesContract } from '../../contract/deliveries.js';
import { makeFolder, removeFolder } from './temporary-folder.js';

deliveriesContract('LMDB', async () => {
  const directory = await makeFolder();
  const store = openLmdbDeliveries(directory);
  const cleanup = async (): Promise<void> => {
    await store.close();
    await removeFolder(directory);
  };
  return { store, other: undefined, cleanup };
});
