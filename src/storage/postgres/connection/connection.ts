/** Connections to Postgres: a pool of those that are known to be good. */

import pg from 'pg';
import { checkSession, clientConfig, failureOf, hostUrls, query, type Statement } from './client.js';
import { databaseError, type DatabaseError } from '../errors.js';

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

const idleMs = 30_000;

/** Lends connections that are known to be good, and closes those on which anything failed. */
export class Connections implements Lender {
  readonly #options: PostgresOptions;
  readonly #urls: readonly string[];
  /** Place of the present host among the addresses. */
  #host = 0;
  #pool: pg.Pool;

  /** @throws DatabaseError when the address is not valid. */
  constructor(options: PostgresOptions) {
    this.#options = options;
    this.#urls = hostUrls(options.url);
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
    const { pool, client } = await this.#connect();
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

  /** Connects to the present host, and to the others when that is not to be used. */
  async #connect(): Promise<{ pool: pg.Pool; client: pg.PoolClient }> {
    const failures: DatabaseError[] = [];
    for (;;) {
      const pool = this.#pool;
      try {
        return { pool, client: await pool.connect() };
      } catch (error) {
        failures.push(databaseError(error));
        if (failures.length >= this.#urls.length || isPoolBusy(error)) throw failureOf(failures);
        if (this.#pool === pool) this.#host = (this.#host + 1) % this.#urls.length;
        this.#renew(pool);
      }
    }
  }

  /** Replaces the pool: its other connections lead to the same server, and after a failover each would fail once. */
  #renew(failed: pg.Pool): void {
    if (this.#pool !== failed || failed.ending) return;
    this.#pool = this.#open();
    void failed.end();
  }

  #open(): pg.Pool {
    const { statementTimeoutMs, minConnections, maxConnections } = this.#options;
    const pool = new pg.Pool({
      ...clientConfig(this.#urls[this.#host] ?? '', statementTimeoutMs),
      min: minConnections,
      max: maxConnections,
      idleTimeoutMillis: idleMs,
      verify: (client, done) => {
        checkSession(client, statementTimeoutMs).then(() => {
          done();
        }, done);
      },
    });
    // The pool removes an idle connection that breaks, and opens another one when it is needed.
    pool.on('error', () => undefined);
    return pool;
  }
}

/** Whether the pool has no connection left, which is not the host's fault. */
function isPoolBusy(error: unknown): boolean {
  return error instanceof Error && error.message === 'timeout exceeded when trying to connect';
}
