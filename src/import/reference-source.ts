/** The database of the reference server: one snapshot, read in pages that fit in memory. */

import pg from 'pg';
import { clientConfig, query } from '../storage/postgres/connection/client.js';
import { databaseError, DatabaseError } from '../storage/postgres/errors.js';

/** What to read of a table, in SQL; all of it is constant, none of it is input. */
export interface Selection {
  /** Gives the columns that are named below; `id` must be unique in it and never null. */
  readonly from: string;
  readonly id: string;
  /** Each becomes text in the rows, after the id. */
  readonly columns: readonly string[];
  /** Columns that may be large. */
  readonly heavy: readonly string[];
}

/** A row: the id, then the columns of the selection. */
export type SourceRow = readonly [id: string, ...columns: (string | null)[]];

/** Limits of a page; bytes as stored, often compressed. A page has at least one row. */
const rowsPerPage = 500;
const bytesPerPage = 4 * 1024 ** 2;

export class ReferenceSource {
  readonly #client: pg.Client;

  private constructor(client: pg.Client) {
    this.#client = client;
  }

  /** @throws DatabaseError whose message names this database. */
  static async open(url: string): Promise<ReferenceSource> {
    const client = await attempt(async () => {
      const opened = new pg.Client(clientConfig(url, 0));
      opened.on('error', () => undefined); // what runs fails with it
      await opened.connect();
      return opened;
    });
    const source = new ReferenceSource(client);
    try {
      // The timeouts that others may have set for it are about users that wait, not about an import.
      await source.#query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      await source.#query('SET LOCAL statement_timeout = 0');
      await source.#query('SET LOCAL idle_in_transaction_session_timeout = 0');
    } catch (error) {
      await source.close();
      throw error;
    }
    return source;
  }

  /** The columns of a table, or undefined when there is no such table. */
  async columnsOf(table: string): Promise<ReadonlySet<string> | undefined> {
    const rows = await this.#query(
      `SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped`,
      [table],
    );
    return rows.length === 0 ? undefined : new Set(rows.map(([name]) => String(name)));
  }

  /** All rows, in the order of their ids. */
  async *pages(selection: Selection): AsyncGenerator<readonly SourceRow[]> {
    let after: string | undefined;
    for (;;) {
      const rows = (await this.#query(
        pageText(selection, after !== undefined),
        after === undefined ? [] : [after],
      )) as unknown as SourceRow[];
      const last = rows.at(-1);
      if (last === undefined) return;
      yield rows;
      after = last[0];
    }
  }

  /** The largest entry of the vector clock of each document that has one. */
  async largestClocks(documentIds: readonly string[]): Promise<Map<string, number>> {
    const rows = await this.#query(
      `SELECT document_id::text, max(clock_value)::float8 FROM vector_clocks
      WHERE document_id = ANY ($1) AND clock_value IS NOT NULL GROUP BY document_id`,
      [documentIds],
    );
    return new Map(rows as [string, number][]);
  }

  /** Ids in a column `document_id` that are not in `documents`; at most 1 000. */
  async idsWithoutDocument(table: string): Promise<string[]> {
    const rows = await this.#query(
      `SELECT DISTINCT document_id::text FROM ${table} WHERE document_id IS NOT NULL
        AND NOT EXISTS (SELECT FROM documents WHERE documents.id::text = ${table}.document_id::text) LIMIT 1000`,
    );
    return rows.map(([id]) => String(id));
  }

  async count(table: string): Promise<number> {
    const [row] = await this.#query(`SELECT count(*) FROM ${table}`);
    return Number(row?.[0]);
  }

  /** Ends the transaction with the connection. */
  async close(): Promise<void> {
    await this.#client.end();
  }

  #query(text: string, values: unknown[] = []): Promise<unknown[][]> {
    return attempt(() => query(this.#client, { name: '', text, values }));
  }
}

/** Sizes are summed first: what does not fit in the page is not read. */
function pageText({ from, id, columns, heavy }: Selection, goesOn: boolean): string {
  const weight = heavy.map((column) => `coalesce(pg_column_size(${column}), 0)`).join(' + ');
  // Names of our own: the table may have any other columns.
  const names = columns.map((_, i) => `column${i}`);
  return `
SELECT ${['key', ...names].map((name) => `${name}::text`).join(', ')}
FROM (
  SELECT *, sum(weight) OVER (ORDER BY key ROWS UNBOUNDED PRECEDING) AS bytes, row_number() OVER (ORDER BY key) AS place
  FROM (
    SELECT ${id} AS key, ${columns.map((column, i) => `${column} AS ${names[i]}, `).join('')} ${weight} AS weight
    FROM ${from} AS source
    ${goesOn ? `WHERE ${id} > $1` : ''}
    ORDER BY ${id} LIMIT ${rowsPerPage}
  ) AS page
) AS weighed
WHERE bytes <= ${bytesPerPage} OR place = 1
ORDER BY weighed.key`;
}

/** An import uses two databases, so an error must name which. */
async function attempt<Result>(action: () => Promise<Result>): Promise<Result> {
  try {
    return await action();
  } catch (error) {
    const { message, code, remedy } = databaseError(error);
    throw new DatabaseError(`the database of the reference server: ${message}`, code, remedy);
  }
}
