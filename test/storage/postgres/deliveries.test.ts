import { openPostgresDeliveries } from '../../../src/storage/postgres/changes/deliveries.js';
import { migrate } from '../../../src/storage/postgres/migrate.js';
import { deliveriesContract } from '../../contract/deliveries.js';
import { newDatabase } from '../../support/postgres/postgres.js';

deliveriesContract('postgres', async () => {
  const made = await newDatabase();
  await migrate(made.url);
  const open = () =>
    openPostgresDeliveries({ url: made.url, minConnections: 0, maxConnections: 2, statementTimeoutMs: 60_000 });
  const [store, other] = [open(), open()];
  const cleanup = async (): Promise<void> => {
    await Promise.all([store.close(), other.close()]);
    await made.drop();
  };
  return { store, other, cleanup };
});
