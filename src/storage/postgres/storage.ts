/** Storage in Postgres 15 or newer, for one node or for many. The schema is that of the files in migrations/. */

import { checkDocumentId } from '../limits.js';
import type { Committed, DocumentChange, FieldRow, Storage, StoredDocument } from '../port.js';
import { commit } from './commit/commit.js';
import { Connections, type Lender, type PostgresOptions } from './connection/connection.js';
import { Lane } from './connection/lane.js';
import { PostgresHistory } from './history/history.js';
import { PostgresLifecycle } from './lifecycle.js';
import { Loader } from './load.js';
import { planOf, type Plan } from './commit/plan.js';
import { reasonAgainst } from './commit/refusals.js';
import { lastCommitsStatement, type LastCommit } from './statements.js';

export type { PostgresOptions } from './connection/connection.js';

/**
 * Opens the storage without connecting: it connects on first use, and again whenever the connection was lost.
 * The database must have been migrated (migrate.ts).
 */
export function openPostgresStorage(options: PostgresOptions): Storage {
  return new PostgresStorage(options);
}

/** Milliseconds since the epoch, by the database's clock. */
const clockStatement = 'SELECT extract(epoch FROM clock_timestamp()) * 1000';

/** The database looked at its clock at some time between the two; 0 when it may have been the same. */
function smallestOffset(before: number, after: number, there: number): number {
  if (there > after) return after - there;
  return Math.max(0, before - there);
}

class PostgresStorage implements Storage {
  readonly durable = true;
  readonly isLost = false;
  readonly lifecycle: PostgresLifecycle;
  readonly history: PostgresHistory;
  readonly #connections: Connections;
  readonly #loader: Loader;
  /** With several connections, commits keep one. */
  readonly #lane: Lane | undefined;
  /** The last of the running commits. */
  #lastCommit: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: PostgresOptions) {
    this.#connections = new Connections(options);
    const checkOpen = (): void => {
      this.#checkOpen();
    };
    this.lifecycle = new PostgresLifecycle(this.#connections, checkOpen);
    this.history = new PostgresHistory(this.#connections, checkOpen);
    this.#lane = options.maxConnections > 1 ? new Lane(this.#connections) : undefined;
    // One connection is left for commits, if there are several.
    this.#loader = new Loader(this.#connections, Math.max(1, options.maxConnections - 1));
  }

  async load(documentIds: readonly string[]): Promise<StoredDocument[]> {
    this.#checkOpen();
    documentIds.forEach(checkDocumentId);
    return Promise.all(documentIds.map((documentId) => this.#loader.load(documentId)));
  }

  /** One at a time: concurrent ones would only wait in the database for each other's locks. */
  async commit(changes: readonly DocumentChange[]): Promise<Committed> {
    this.#checkOpen();
    const plan = planOf(changes);
    if (plan.documents.size === 0) return { refused: plan.refused, numbers: new Map() };
    const committed =
      this.#lastCommit === undefined ? this.#write(plan) : this.#lastCommit.then(() => this.#write(plan));
    const isDone = (): void => {
      if (this.#lastCommit === done) this.#lastCommit = undefined;
    };
    const done = committed.then(isDone, isDone);
    this.#lastCommit = done;
    return committed;
  }

  async lastCommits(documentIds: readonly string[]): Promise<number[]> {
    this.#checkOpen();
    documentIds.forEach(checkDocumentId);
    const rows = await this.#connections.use((connection) => connection.query(lastCommitsStatement(documentIds)));
    const numbers = new Map(rows as unknown as readonly LastCommit[]);
    return documentIds.map((documentId) => numbers.get(documentId) ?? 0);
  }

  async clockOffset(): Promise<number> {
    this.#checkOpen();
    return this.#connections.use(async (connection) => {
      const before = Date.now();
      const [row] = await connection.query(clockStatement);
      const after = Date.now();
      return smallestOffset(before, after, Number(row?.[0]));
    });
  }

  reasonAgainst(row: Pick<FieldRow, 'path' | 'clientId'>): string | undefined {
    return reasonAgainst(row);
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  #write(plan: Plan): Promise<Committed> {
    const lender: Lender = this.#lane ?? this.#connections;
    return commit(lender, plan);
  }

  async #finish(): Promise<void> {
    await Promise.all([this.#lastCommit, this.#loader.idle()]);
    this.#lane?.close();
    await this.#connections.close();
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new Error('The storage is closed');
  }
}
