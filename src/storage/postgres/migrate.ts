/**
 * The schema of the database, as numbered SQL files that are applied in order and never reverted. The table
 * `schema_migrations` has what was applied, with a checksum: a file must never change once it was applied.
 */

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { connectClient, connectTimeoutMs, query } from './connection/client.js';
import { databaseError, SchemaError } from './errors.js';

export { DatabaseError, SchemaError } from './errors.js';

export interface Migration {
  readonly version: number;
  /** Of the file, such as `001_documents`. */
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

/** A migration and when it was applied, in ISO 8601; undefined when it was not. */
export interface MigrationState {
  readonly name: string;
  readonly applied: string | undefined;
}

/** Held while the schema is changed, for all nodes of one database. */
const lock = 7_236_104_592;
const minServerVersion = 150_000;

/** From the compiled file, as the compiler does not copy SQL. */
const folder = fileURLToPath(new URL('../../../../src/storage/postgres/migrations/', import.meta.url));

/** All migrations of this version, in order. @throws SchemaError when the installation lacks them. */
export function ownMigrations(from = folder): Migration[] {
  let files: string[];
  try {
    files = readdirSync(from);
  } catch {
    throw new SchemaError(`the installation is incomplete: it lacks the migrations in ${from}`);
  }
  return files
    .filter((file) => /^\d{3}_\w+\.sql$/.test(file))
    .sort()
    .map((file) => {
      const sql = readFileSync(`${from}${file}`, 'utf8');
      const checksum = createHash('sha256').update(sql).digest('hex');
      return { version: Number(file.slice(0, 3)), name: file.slice(0, -4), sql, checksum };
    });
}

/**
 * Applies what is missing. Safe to be run by many nodes at once: one does it, the others wait.
 *
 * @returns The names of what was applied now.
 * @throws SchemaError, DatabaseError
 */
export async function migrate(url: string, migrations = ownMigrations()): Promise<string[]> {
  const states = await migrationStates(url, migrations);
  if (states.every(({ applied }) => applied !== undefined)) return [];
  // Without a timeout: neither a migration nor waiting for that of another node has a limit.
  return withClient(url, 0, async (client) => {
    await query(client, 'BEGIN');
    // Ends with the transaction, also when the connection is lost.
    await query(client, `SELECT pg_advisory_xact_lock(${lock})`);
    const todo = missing(migrations, await applied(client));
    await query(client, createTable);
    for (const { version, name, sql, checksum } of todo) {
      await run(client, name, sql);
      await query(client, { name: '', text: insert, values: [version, name, checksum] });
    }
    await query(client, 'COMMIT');
    return todo.map(({ name }) => name);
  });
}

/**
 * Every migration of this version and whether it was applied.
 *
 * @throws SchemaError, DatabaseError
 */
export async function migrationStates(url: string, migrations = ownMigrations()): Promise<MigrationState[]> {
  return withClient(url, connectTimeoutMs, async (client) => {
    await checkServer(client);
    const known = await applied(client);
    if (known.size === 0) await refuseReference(client);
    missing(migrations, known);
    return migrations.map(({ version, name }) => ({ name, applied: known.get(version)?.at }));
  });
}

/**
 * Checks that this version can use the schema as it is.
 *
 * @throws SchemaError, DatabaseError
 */
export async function checkSchema(url: string, migrations = ownMigrations()): Promise<void> {
  const states = await migrationStates(url, migrations);
  const names = states.filter((state) => state.applied === undefined).map(({ name }) => name);
  if (names.length === 0) return;
  throw new SchemaError(`the database lacks ${names.join(', ')}: run \`synckit-server migrate\``);
}

interface Applied {
  readonly name: string;
  readonly checksum: string;
  readonly at: string;
}

const createTable = `CREATE TABLE IF NOT EXISTS schema_migrations (
  version integer PRIMARY KEY,
  name text NOT NULL,
  checksum text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
)`;

const insert = 'INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)';

async function applied(client: pg.Client): Promise<Map<number, Applied>> {
  const [found] = await query(client, "SELECT to_regclass('schema_migrations') IS NOT NULL");
  if (found?.[0] !== true) return new Map();
  const rows = (await query(
    client,
    `SELECT version, name, checksum, to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
    FROM schema_migrations`,
  )) as [number, string, string, string][];
  return new Map(rows.map(([version, name, checksum, at]) => [version, { name, checksum, at }]));
}

/** What is to be applied; throws a SchemaError when the schema is not a former state of ours. */
function missing(migrations: readonly Migration[], known: ReadonlyMap<number, Applied>): readonly Migration[] {
  const newest = migrations.at(-1)?.version ?? 0;
  const newer = [...known].filter(([version]) => version > newest).map(([, { name }]) => name);
  if (newer.length > 0) {
    throw new SchemaError(
      `the database was migrated by a newer version of the server (${newer.join(', ')}): run that version, or a newer one`,
    );
  }
  for (const { version, name, checksum } of migrations) {
    const other = known.get(version);
    if (other === undefined || other.checksum === checksum) continue;
    throw new SchemaError(`migration ${name} is not the one that was applied to the database as ${other.name}`);
  }
  return migrations.filter(({ version }) => !known.has(version));
}

async function checkServer(client: pg.Client): Promise<void> {
  const [row] = await query(
    client,
    `SELECT current_setting('server_version_num')::int, current_setting('server_version'),
      current_setting('server_encoding')`,
  );
  const [number, version, encoding] = row as [number, string, string];
  if (number < minServerVersion) throw new SchemaError(`the database is Postgres ${version}, 15 or newer is needed`);
  if (encoding !== 'UTF8') throw new SchemaError(`the encoding of the database is ${encoding}, UTF8 is needed`);
}

/** A database of the reference server is not migrated but imported, into one of our own. */
async function refuseReference(client: pg.Client): Promise<void> {
  const [row] = await query(
    client,
    `SELECT count(*)::int FROM pg_attribute
    WHERE attrelid = to_regclass('documents') AND attname IN ('id', 'state') AND NOT attisdropped`,
  );
  if (row?.[0] !== 2) return;
  throw new SchemaError(
    'the database is that of a reference server. Make a database of its own for this server, name it in DATABASE_URL, ' +
      'and run `synckit-server import-reference --from` with the address of the present one',
  );
}

/** An object that is there already is the likely cause: a database that belongs to something else. */
async function run(client: pg.Client, name: string, sql: string): Promise<void> {
  try {
    await query(client, sql);
  } catch (error) {
    const { code, message } = databaseError(error);
    if (code !== '42P07') throw error;
    throw new SchemaError(`migration ${name} failed: ${message}. The server needs a database or schema of its own`);
  }
}

async function withClient<Result>(
  url: string,
  statementTimeoutMs: number,
  action: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = await connectClient(url, statementTimeoutMs);
  try {
    return await action(client);
  } catch (error) {
    throw error instanceof SchemaError ? error : databaseError(error);
  } finally {
    await client.end();
  }
}
