import tap from 'tap';
import { migrate } from '../../../src/storage/postgres/migrate.js';
import { openPostgresSnapshots } from '../../../src/storage/postgres/snapshots.js';
import { snapshotsContract } from '../../contract/snapshots.js';
import { newDatabase } from '../../support/postgres/postgres.js';

const database = await newDatabase();
tap.teardown(() => database.drop());
await migrate(database.url);

snapshotsContract('postgres', async () => {
  await database.query('TRUNCATE snapshots');
  const open = () =>
    openPostgresSnapshots({ url: database.url, minConnections: 0, maxConnections: 3, statementTimeoutMs: 60_000 });
  return [open(), open()];
});
