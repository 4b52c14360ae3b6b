import tap from 'tap';
import { migrate } from '../../../src/storage/postgres/migrate.js';
import { openPostgresStorage } from '../../../src/storage/postgres/storage.js';
import type { Storage } from '../../../src/storage/port.js';
import { storageContract } from '../../contract/storage.js';
import { newDatabase, type TestDatabase } from '../../support/postgres/postgres.js';

/** Emptied and used again: making one takes longer than most tests. */
const free: TestDatabase[] = [];

async function emptyDatabase(): Promise<TestDatabase> {
  const used = free.pop();
  if (used !== undefined) {
    await used.query('TRUNCATE documents, fields, text_updates, histories, history_entries, history_wholes');
    return used;
  }
  const database = await newDatabase();
  tap.teardown(() => database.drop());
  await migrate(database.url);
  return database;
}

function open(url: string): Storage {
  return openPostgresStorage({ url, minConnections: 1, maxConnections: 3, statementTimeoutMs: 60_000 });
}

storageContract('postgres', async () => {
  const database = await emptyDatabase();
  let current = open(database.url);
  return {
    storage: current,
    reopen: async () => {
      await current.close();
      current = open(database.url);
      return current;
    },
    cleanup: async () => {
      await current.close();
      free.push(database);
    },
  };
});
