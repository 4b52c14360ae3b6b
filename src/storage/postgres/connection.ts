/** Connections to Postgres: how they are opened, checked and closed. */

import pg from 'pg';
import { databaseError, DatabaseError } from './errors.js';

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database?sslmode=…` */
  readonly url: string;
  /** Idle connections that stay open. */
  readonly minConnections: number;
  /** Connections at most; at least 1. */
  readonly maxConnections: number;
  /** Milliseconds after which the database ends a statement. */
  readonly statementTimeoutMs: number;
}

/** A statement that is prepared once per connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: unknown[];
}

/** A connection, for the time of one action. */
export interface Connection {
  /** The rows as arrays. Runs a statement without values when given its text. */
  query(statement: Statement | string): Promise<unknown[][]>;
}

/** A source of connections. */
export interface Lender {
  /**
   * Runs the action on a connection of its own. When it throws, the connection is closed, as its state is unknown.
   *
   * @throws DatabaseError
   */
  use<Result>(action: (connection: Connection) => Promise<Result>): Promise<Result>;
}

/** A connection that is lent until it is given back. */
export interface Loan {
  readonly connection: Connection;
  /** Whether the connection is broken or from a pool that was replaced: a new loan should be used instead. */
  readonly isStale: boolean;
  /** @param failure What made an action on it fail; the connection is closed then. */
  giveBack(failure?: DatabaseError): void;
}

/**
 * Runs an action on a loan, begun before this returns.
 *
 * @param onEnd Called at the end, with the failure if there is one.
 * @throws DatabaseError
 */
export async function runOn<Result>(
  { connection }: Loan,
  action: (connection: Connection) => Promise<Result>,
  onEnd: (failure: DatabaseError | undefined) => void,
): Promise<Result> {
  let failure: DatabaseError | undefined;
  try {
    return await action(connection);
  } catch (error) {
    failure = databaseError(error);
    throw failure;
  } finally {
    onEnd(failure);
  }
}

/** How long one attempt to connect may take. */
export const connectTimeoutMs = 10_000;
/** Milliseconds that a statement may exceed the database's own timeout before the connection counts as dead. */
const graceMs = 2_000;
const idleMs = 30_000;

/**
 * Commits must be on disk when they return, whatever the database's default is; and a standby would answer with
 * documents as they were, or refuse to write.
 */
const prepareSession = `SELECT pg_is_in_recovery(), set_config(
  'synchronous_commit',
  CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END,
  false)`;

/** Settings of a single client. @throws DatabaseError when the address is not valid. */
export function clientConfig(url: string, statementTimeoutMs: number): pg.ClientConfig {
  try {
    const address = new URL(url);
    // As in libpq, `sslmode=require` encrypts and the `verify-…` modes check the certificate too.
    if (address.searchParams.has('sslmode')) address.searchParams.set('uselibpqcompat', 'true');
    // When the network drops everything, only this side can notice.
    const patienceMs = statementTimeoutMs > 0 ? statementTimeoutMs + graceMs : 0;
    return {
      connectionString: address.href,
      application_name: 'synckit-server',
      connectionTimeoutMillis: Math.min(connectTimeoutMs, patienceMs || connectTimeoutMs),
      statement_timeout: statementTimeoutMs,
      // A node that is cut off in a transaction must not keep its locks.
      idle_in_transaction_session_timeout: statementTimeoutMs,
      query_timeout: patienceMs,
      keepAlive: true,
    };
  } catch (error) {
    throw databaseError(error);
  }
}

/** Lends connections that are known to be good, and closes those on which anything failed. */
export class Connections implements Lender {
  readonly #options: PostgresOptions;
  #pool: pg.Pool;

  constructor(options: PostgresOptions) {
    this.#options = options;
    this.#pool = this.#open();
  }

  async use<Result>(action: (connection: Connection) => Promise<Result>): Promise<Result> {
    const loan = await this.borrow();
    return runOn(loan, action, (failure) => {
      loan.giveBack(failure);
    });
  }

  /** @throws DatabaseError */
  async borrow(): Promise<Loan> {
    const pool = this.#pool;
    let client: pg.PoolClient;
    try {
      client = await pool.connect();
    } catch (error) {
      throw databaseError(error);
    }
    let isBroken = false;
    // The statement that runs, if any, fails with it.
    const onError = (): void => {
      isBroken = true;
    };
    client.on('error', onError);
    const isRenewed = (): boolean => this.#pool !== pool;
    return {
      connection: { query: (statement) => query(client, statement) },
      get isStale() {
        return isBroken || isRenewed();
      },
      giveBack: (failure) => {
        client.release(isBroken || failure !== undefined);
        client.off('error', onError);
        if (failure?.remedy === 'wait') this.#renew(pool);
      },
    };
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  /** Replaces the pool: its other connections lead to the same server, and after a failover each would fail once. */
  #renew(failed: pg.Pool): void {
    if (this.#pool !== failed || failed.ending) return;
    this.#pool = this.#open();
    void failed.end();
  }

  #open(): pg.Pool {
    const { url, statementTimeoutMs, minConnections, maxConnections } = this.#options;
    const pool = new pg.Pool({
      ...clientConfig(url, statementTimeoutMs),
      min: minConnections,
      max: maxConnections,
      idleTimeoutMillis: idleMs,
      verify: (client, done) => {
        checkSession(client).then(() => {
          done();
        }, done);
      },
    });
    // The pool removes an idle connection that breaks, and opens another one when it is needed.
    pool.on('error', () => undefined);
    return pool;
  }
}

async function checkSession(client: pg.ClientBase): Promise<void> {
  const ignore = (): void => undefined;
  client.on('error', ignore);
  try {
    const [row] = await query(client, prepareSession);
    if (row?.[0] === true) throw new DatabaseError('the database is a standby and accepts no writes', '25006', 'wait');
  } finally {
    client.off('error', ignore);
  }
}

/** Runs one statement; rows come as arrays, integers as numbers, bytes as Uint8Arrays of their own, JSON as its text. */
export async function query(client: pg.ClientBase, statement: Statement | string): Promise<unknown[][]> {
  const about = typeof statement === 'string' ? { text: statement } : { ...statement };
  try {
    const { rows } = await client.query<unknown[]>({ ...about, rowMode: 'array', types });
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
