import tap from 'tap';
import { openPostgresAccounts } from '../../../src/storage/postgres/accounts.js';
import { migrate } from '../../../src/storage/postgres/migrate.js';
import { accountsContract } from '../../contract/accounts.js';
import { newDatabase } from '../../support/postgres/postgres.js';

const database = await newDatabase();
tap.teardown(() => database.drop());
await migrate(database.url);

accountsContract('postgres', async () => {
  await database.query('TRUNCATE users, api_keys, refresh_tokens, revocations, auth_changes, audit_log');
  await database.query('UPDATE auth_change_count SET last = 0');
  const open = () =>
    openPostgresAccounts({ url: database.url, minConnections: 0, maxConnections: 3, statementTimeoutMs: 60_000 });
  return [open(), open()];
});
