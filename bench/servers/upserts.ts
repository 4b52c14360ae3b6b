/** The ceilings for writes to Postgres: the server's statements and its storage, one at a time, without the server. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import type { DocumentChange } from '../../src/storage/port.js';
import { migrate } from '../../src/storage/postgres/migrate.js';
import { openPostgresStorage } from '../../src/storage/postgres/storage.js';
import { planOf } from '../../src/storage/postgres/commit/plan.js';
import type { ArrayEncoding } from '../../src/storage/postgres/arrays.js';
import { writeStatement } from '../../src/storage/postgres/statements.js';
import { startPostgres } from '../../test/support/postgres/postgres-server.js';

/** A Postgres that syncs, and databases on it. */
export interface BenchPostgres {
  /** A new empty database; returns its address. */
  database(): Promise<string>;
  /** The process that started all others of it, if it is on this machine and the bench's own. */
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

/** @param url Of a server to use; without it one is started. */
export async function openPostgres(url: string | undefined): Promise<BenchPostgres> {
  const own = url === undefined ? await startPostgres(['fsync=on']) : undefined;
  const admin = own?.url ?? url ?? '';
  const made: string[] = [];
  return {
    pid: own && Number(readFileSync(join(own.directory, 'postmaster.pid'), 'utf8').split('\n')[0]),
    async database() {
      const name = `synckit_bench_${randomBytes(6).toString('hex')}`;
      await run(admin, `CREATE DATABASE ${name}`);
      made.push(name);
      const address = new URL(admin);
      address.pathname = `/${name}`;
      return address.href;
    },
    async stop() {
      // One of our own goes with all that is in it.
      if (own === undefined) for (const name of made) await run(admin, `DROP DATABASE ${name} WITH (FORCE)`);
      await own?.stop();
    },
  };
}

export interface UpsertSettings {
  readonly url: string;
  /** Documents that are written in turns, each field of each in turns. */
  readonly documents: number;
  readonly fields: number;
  readonly valueBytes: number;
}

/** Writes rows, one statement after the other. */
export interface Upserts {
  /** @param rows Of a statement; every row is of another document. @returns Rows per second. */
  run(rows: number, seconds: number): Promise<number>;
  close(): Promise<void>;
}

/** The server's statement, as the driver sends it by itself, with nothing around it. */
export async function bareUpserts(settings: UpsertSettings): Promise<Upserts> {
  await migrate(settings.url);
  const client = new pg.Client({ connectionString: settings.url });
  await client.connect();
  return { run: runnerOf(settings, (changes) => writeBare(client, changes)), close: () => client.end() };
}

/**
 * What the clients could do without a server: each writes its rows by itself, one statement for each.
 *
 * @param connections That all of them share.
 */
export async function lonelyUpserts(settings: UpsertSettings, connections: number): Promise<Upserts> {
  await migrate(settings.url);
  const pool = new pg.Pool({ connectionString: settings.url, max: connections });
  // One that the database ends while nobody uses it, such as when that is stopped.
  pool.on('error', () => undefined);
  const run = runnerOf(settings, (changes) => writeBare(pool, changes));
  return {
    run: async (rows, seconds) => {
      const writers = Array.from({ length: settings.documents }, () => run(rows, seconds));
      return (await Promise.all(writers)).reduce((sum, rate) => sum + rate, 0);
    },
    close: () => pool.end(),
  };
}

async function writeBare(client: pg.Client | pg.Pool, changes: readonly DocumentChange[]): Promise<void> {
  const { documents, statements } = planOf(changes);
  for (const rows of statements) await client.query(writeStatement(documents, rows, true, leftToDriver));
}

const same = <Values>(values: Values): Values => values;
const leftToDriver: ArrayEncoding = { text: same, bigint: same, integer: same, boolean: same };

/** The commits of the server's storage when there is no server around it. */
export async function storageUpserts(settings: UpsertSettings): Promise<Upserts> {
  const { url } = settings;
  await migrate(url);
  const storage = openPostgresStorage({ url, minConnections: 0, maxConnections: 1, statementTimeoutMs: 10_000 });
  const write = async (changes: DocumentChange[]): Promise<void> => {
    await storage.commit(changes);
  };
  return { run: runnerOf(settings, write), close: () => storage.close() };
}

function runnerOf(settings: UpsertSettings, write: (changes: DocumentChange[]) => Promise<void>): Upserts['run'] {
  let next = 0;
  return async (rows, seconds) => {
    const start = performance.now();
    let written = 0;
    let now = start;
    for (; now < start + seconds * 1_000; now = performance.now()) {
      await write(Array.from({ length: rows }, () => changeOf(settings, next++)));
      written += rows;
    }
    return (written / (now - start)) * 1_000;
  };
}

function changeOf({ documents, fields, valueBytes }: UpsertSettings, number: number): DocumentChange {
  const round = Math.floor(number / documents);
  const document = number % documents;
  const stamp = Date.now() * 1_024 + (round % 1_024);
  const row = {
    path: `field-${String(round % fields).padStart(4, '0')}`,
    value: `"${String(number).padEnd(valueBytes, 'x')}"`,
    deleted: false,
    timestamp: Date.now(),
    counter: round,
    clientId: `writer-${document}`,
    stamp,
  };
  return { documentId: `document-${document}`, stamp, fields: [row] };
}

async function run(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
