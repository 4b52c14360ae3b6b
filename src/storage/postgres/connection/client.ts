/** Single connections to Postgres: their settings, and how they run a statement. */

import pg from 'pg';
import { parseDatabaseAddress } from './address.js';
import { databaseError, DatabaseError } from '../errors.js';

/** A statement that is prepared once per connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: unknown[];
}

/** How long one attempt to connect may take. */
export const connectTimeoutMs = 10_000;
/** Milliseconds that a statement may exceed the database's own timeout before the connection counts as dead. */
const graceMs = 2_000;

/** Milliseconds in which a new connection must answer. A pooler accepts more connections than it has for them. */
const firstAnswerMs = 10_000;

const roleOfServer = `SELECT pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'`;

/**
 * Settings and a check of a new connection. Commits must be on disk when they return, whatever the database's default is;
 * and a node that is cut off in a transaction must not keep its locks. A standby would answer with documents as they were,
 * or refuse to write. All in one statement, and none as a start-up parameter: poolers refuse those.
 */
function prepareSession(statementTimeoutMs: number): string {
  return `${roleOfServer}, set_config(
    'synchronous_commit',
    CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END,
    false), set_config('statement_timeout', '${statementTimeoutMs}', false),
    set_config('idle_in_transaction_session_timeout', '${statementTimeoutMs}', false)`;
}

/**
 * The addresses of the hosts of a database, in order.
 *
 * @throws DatabaseError when the address is not valid.
 */
export function hostUrls(url: string): readonly string[] {
  const { urls } = parseDatabaseAddress(url) ?? {};
  if (urls === undefined) throw new DatabaseError('DATABASE_URL is not a valid address', 'ERR_INVALID_URL', 'wait');
  return urls;
}

/**
 * Settings of a single client, of the first host. What belongs to the session itself is set when it is there.
 *
 * @param statementTimeoutMs 0 for none.
 * @throws DatabaseError when the address is not valid.
 */
export function clientConfig(url: string, statementTimeoutMs: number): pg.ClientConfig {
  try {
    const address = new URL(hostUrls(url)[0] ?? '');
    // As in libpq, `sslmode=require` encrypts and the `verify-…` modes check the certificate too.
    if (address.searchParams.has('sslmode')) address.searchParams.set('uselibpqcompat', 'true');
    // When the network drops everything, only this side can notice.
    const patienceMs = statementTimeoutMs > 0 ? statementTimeoutMs + graceMs : 0;
    return {
      connectionString: address.href,
      application_name: 'synckit-server',
      connectionTimeoutMillis: Math.min(connectTimeoutMs, patienceMs || connectTimeoutMs),
      query_timeout: patienceMs,
      keepAlive: true,
    };
  } catch (error) {
    throw databaseError(error);
  }
}

/**
 * A client of the first host that is a primary, ready for use; to be ended by the caller.
 *
 * @param statementTimeoutMs 0 for none.
 * @param isProbe Whether it is only looked at: then nothing is set that others behind a pooler could inherit.
 * @throws DatabaseError
 */
export async function connectClient(url: string, statementTimeoutMs: number, isProbe = false): Promise<pg.Client> {
  const failures: DatabaseError[] = [];
  for (const hostUrl of hostUrls(url)) {
    const client = new pg.Client(clientConfig(hostUrl, statementTimeoutMs));
    client.on('error', () => undefined); // what runs fails with it
    try {
      await client.connect();
      await checkSession(client, statementTimeoutMs, isProbe);
      return client;
    } catch (error) {
      failures.push(databaseError(error));
      void client.end().catch(() => undefined);
    }
  }
  throw failureOf(failures);
}

/** One failure for those of several hosts. */
export function failureOf(failures: readonly DatabaseError[]): DatabaseError {
  const [first] = failures;
  if (first !== undefined && failures.length === 1) return first;
  const all = failures.map(({ message }, i) => `host ${i + 1}: ${message}`).join('; ');
  return new DatabaseError(`no host of DATABASE_URL can be used: ${all}`, first?.code, 'wait');
}

/**
 * Prepares a new connection.
 *
 * @param isProbe As for `connectClient`.
 * @throws DatabaseError when it is not to be used.
 */
export async function checkSession(client: pg.ClientBase, statementTimeoutMs: number, isProbe = false): Promise<void> {
  const ignore = (): void => undefined;
  client.on('error', ignore);
  const limitMs = statementTimeoutMs > 0 ? Math.min(firstAnswerMs, statementTimeoutMs + graceMs) : firstAnswerMs;
  try {
    const [row] = await query(client, isProbe ? roleOfServer : prepareSession(statementTimeoutMs), limitMs);
    const [isStandby, isReadOnly] = row ?? [];
    if (isStandby === true) throw new DatabaseError('the database is a standby and accepts no writes', '25006', 'wait');
    if (isReadOnly === true) throw new DatabaseError('the database is read-only', '25006', 'wait');
  } catch (error) {
    const failure = databaseError(error);
    if (failure.message !== 'Query read timeout') throw failure;
    const about = `timeout: a connection was accepted but not served in ${limitMs} ms`;
    throw new DatabaseError(`${about}; a pooler may have fewer than DB_POOL_MAX`, failure.code, 'wait');
  } finally {
    client.off('error', ignore);
  }
}

/**
 * Runs one statement; rows come as arrays, integers as numbers, bytes as Uint8Arrays of their own, JSON as its text.
 *
 * @param limitMs Milliseconds after which it fails, if not those of the client.
 */
export async function query(
  client: pg.ClientBase,
  statement: Statement | string,
  limitMs?: number,
): Promise<unknown[][]> {
  const about = typeof statement === 'string' ? { text: statement } : { ...statement };
  const limit = limitMs === undefined ? {} : { query_timeout: limitMs };
  try {
    const { rows } = await client.query<unknown[]>({ ...about, ...limit, rowMode: 'array', types });
    return rows;
  } catch (error) {
    throw databaseError(error);
  }
}

const types: pg.CustomTypesConfig = {
  getTypeParser: (type, format) => {
    if (type === pg.types.builtins.INT8) return Number; // all of ours are safe integers
    if (type === pg.types.builtins.BYTEA) return bytesOf;
    if (type === pg.types.builtins.JSON) return String;
    return pg.types.getTypeParser(type, format) as unknown;
  },
};

/** `\x` and hexadecimal digits. Copied, because small buffers are parts of a larger one. */
function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.slice(2), 'hex'));
}
