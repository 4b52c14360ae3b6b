/** What is known of deliveries to the webhook in LMDB: a folder of its own inside the data directory. */
import { KeyValueDeliveries } from '../webhooks/key-value.js';
import type { DeliveryStore } from '../webhooks/port.js';
import { webhooks } from './environments/webhooks.js';
import { openKeyValue } from './key-value.js';
import { LmdbStore } from './snapshots.js';

const mapSize = 1024 ** 3;

/** Opens the deliveries of a data directory. @throws As `openKeyValue`. */
export function openLmdbDeliveries(directory: string): DeliveryStore {
  const { database, path } = openKeyValue({ directory, environment: webhooks, mapSize });
  return new KeyValueDeliveries(new LmdbStore(database, path));
}
