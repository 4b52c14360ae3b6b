import { MemoryStore } from '../../src/storage/accounts/memory.js';
import { KeyValueDeliveries } from '../../src/storage/webhooks/key-value.js';
import { deliveriesContract } from '../contract/deliveries.js';

deliveriesContract('memory', () => {
  const store = new KeyValueDeliveries(new MemoryStore());
  return Promise.resolve({ store, other: undefined, cleanup: () => store.close() });
});
