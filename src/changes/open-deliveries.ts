/** Opens what is known of deliveries to the webhook, in the storage that is configured. */
import type { StorageConfig } from '../config/load.js';
import type { DeliveryStore } from '../storage/webhooks/port.js';

/** One for what is saved, one for what administrators ask. */
const MAX_CONNECTIONS = 2;

/** @throws Error when the storage can't be opened. */
export async function openDeliveries(storage: StorageConfig): Promise<DeliveryStore> {
  switch (storage.kind) {
    case 'postgres': {
      const { openPostgresDeliveries } = await import('../storage/postgres/changes/deliveries.js');
      const { url, statementTimeoutMs } = storage;
      return openPostgresDeliveries({
        ...{ url, statementTimeoutMs },
        minConnections: 0,
        maxConnections: MAX_CONNECTIONS,
      });
    }
    case 'embedded': {
      const { openLmdbDeliveries } = await import('../storage/lmdb/webhooks.js');
      return openLmdbDeliveries(storage.directory);
    }
    case 'memory': {
      const { KeyValueDeliveries } = await import('../storage/webhooks/key-value.js');
      const { MemoryStore } = await import('../storage/accounts/memory.js');
      return new KeyValueDeliveries(new MemoryStore());
    }
  }
}
