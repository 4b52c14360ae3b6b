/** Databases for tests: on the server of TEST_DATABASE_URL, or on one that is started for the file. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import tap, { type Test } from 'tap';
import { startPostgres } from './postgres-server.js';

export interface TestDatabase {
  readonly url: string;
  /** Runs a statement on a connection of its own. */
  readonly query: <Row extends pg.QueryResultRow = pg.QueryResultRow>(
    text: string,
    values?: unknown[],
  ) => Promise<Row[]>;
  /** Ends all connections to it and removes it. */
  readonly drop: () => Promise<void>;
}

/**
 * What happens in the database that asks, apart from the asking. Other tests have theirs on the same server: who counts
 * or ends their sessions makes them fail. Followed by ` AND …`, or by nothing.
 */
export const ownSessions =
  "pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()";

/** Likewise the locks of this database. */
export const ownLocks = 'pg_locks WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database())';

let server: Promise<string> | undefined;
let isShared = true;

/** Databases of this file come from a server of its own: what it tests waits for the transactions of all databases. */
export function useOwnServer(): void {
  isShared = false;
}

/** The address of a database of the server that databases may be made on. */
export function serverUrl(): Promise<string> {
  return (server ??= findServer());
}

async function findServer(): Promise<string> {
  const given = process.env['TEST_DATABASE_URL'] ?? '';
  if (given !== '' && isShared) return given;
  const own = await startPostgres();
  tap.teardown(() => own.stop());
  return own.url;
}

/** A new empty database, on the server of the tests or the one that is named. */
export async function newDatabase(on?: string): Promise<TestDatabase> {
  const admin = on ?? (await serverUrl());
  const name = `synckit_test_${randomBytes(8).toString('hex')}`;
  await run(admin, `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`);
  const url = withDatabase(admin, name);
  return {
    url,
    query: (text, values) => run(url, text, values),
    drop: async () => {
      await run(admin, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

/** A database that is dropped after the test. */
export async function database(t: Test, on?: string): Promise<TestDatabase> {
  const made = await newDatabase(on);
  t.teardown(() => made.drop());
  return made;
}

/** The same address with another database, or another port. */
export function withDatabase(url: string, name: string): string {
  const address = new URL(url);
  address.pathname = `/${name}`;
  return address.href;
}

async function run<Row extends pg.QueryResultRow>(url: string, text: string, values: unknown[] = []): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.end();
  }
}
