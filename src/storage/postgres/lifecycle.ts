/** Lists, deletion and erasure of documents in Postgres. */

import { setTimeout as sleep } from 'node:timers/promises';
import { checkDocumentId } from '../limits.js';
import {
  maxListLimit,
  type Erasure,
  type Lifecycle,
  type ListedDocument,
  type ListPage,
  type ListRequest,
} from '../lifecycle/port.js';
import type { Statement } from './connection/client.js';
import type { Connections } from './connection/connection.js';
import { databaseError } from './errors.js';

/** Tables that hold parts of documents by `document_id`: erasure removes their rows. */
const histories = ['histories', 'history_entries', 'history_wholes'] as const;
const parts = ['fields', 'text_updates', 'snapshots', ...histories, 'webhook_events'] as const;

const msOf = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::bigint`;
const timeOf = (parameter: string): string => `to_timestamp(${parameter}::double precision / 1000)`;

const deleteText = `
UPDATE documents SET deleted_at = coalesce(deleted_at, ${timeOf('$2')}), commits = commits + 1
WHERE id = $1 RETURNING commits`;

const restoreText = `
UPDATE documents SET deleted_at = NULL, commits = commits + (CASE WHEN deleted_at IS NULL THEN 0 ELSE 1 END)
WHERE id = $1 RETURNING commits`;

/**
 * The row is the lock for everything that belongs to the document; the parts are removed by the statements after it. With
 * the greatest counter, no write of the same millisecond comes after the horizon.
 */
const eraseText = `
UPDATE documents AS stored SET
  horizon_ts = greatest(horizon_ts, last),
  horizon_counter = CASE WHEN horizon_ts > last THEN horizon_counter ELSE ${Number.MAX_SAFE_INTEGER} END,
  horizon_client_id = CASE WHEN horizon_ts > last THEN horizon_client_id ELSE '' END,
  horizon_stamp = greatest(horizon_stamp, stamp, $3::bigint),
  stamp = greatest(stamp, $3::bigint),
  erased_at = ${timeOf('$2')},
  deleted_at = NULL,
  commits = commits + 1
FROM (SELECT greatest($2::bigint, $4::bigint, (SELECT max(ts) FROM fields WHERE document_id = $1)) AS last) AS latest
WHERE id = $1 RETURNING commits`;

/** Locks the row, so that no other node writes the document meanwhile. */
const lockText = `SELECT ${msOf('deleted_at')} FROM documents WHERE id = $1 FOR UPDATE`;

const columns = `id, ${msOf('created_at')}, ${msOf('updated_at')}, ${msOf('deleted_at')}`;
const range = 'id > $1 AND id >= $2 AND ($3::text IS NULL OR id < $3)';
/** Rows that one page looks at: of many deleted documents in a row, each page passes over so many. */
const looksPerPage = 5_000;
const listTexts = {
  present: `
SELECT ${columns} FROM (SELECT * FROM documents WHERE ${range} ORDER BY id LIMIT ${looksPerPage}) AS documents
WHERE deleted_at IS NULL ORDER BY id LIMIT $4`,
  deleted: `SELECT ${columns} FROM documents WHERE ${range} AND deleted_at IS NOT NULL ORDER BY id LIMIT $4`,
  any: `SELECT ${columns} FROM documents WHERE ${range} ORDER BY id LIMIT $4`,
} as const;
/** The last row that a page has looked at, if there may be more behind it. */
const furtherText = `SELECT id FROM documents WHERE ${range} ORDER BY id OFFSET ${looksPerPage - 1} LIMIT 1`;
const maxTries = 5;
const pauseMs = 20;

type Row = readonly [id: string, created: number, updated: number, deletedAt: number | null];

export class PostgresLifecycle implements Lifecycle {
  readonly #connections: Connections;
  readonly #checkOpen: () => void;

  constructor(connections: Connections, checkOpen: () => void) {
    this.#connections = connections;
    this.#checkOpen = checkOpen;
  }

  /** Keyset pagination over the primary key, whose collation is that of bytes. */
  async list({ prefix, after, limit, state }: ListRequest): Promise<ListPage> {
    this.#checkOpen();
    const most = Math.min(limit, maxListLimit);
    const range = [after, prefix, prefix === '' ? null : endOf(prefix)];
    return this.#connections.use(async (connection) => {
      const list = { name: `list ${state}`, text: listTexts[state], values: [...range, most + 1] };
      const rows = (await connection.query(list)) as unknown as readonly Row[];
      const documents = rows.slice(0, most).map(listed);
      if (rows.length > most) return { documents, next: documents.at(-1)?.id };
      if (state !== 'present') return { documents, next: undefined };
      const [behind] = await connection.query({ name: 'list further', text: furtherText, values: range });
      return { documents, next: further(documents, behind?.[0] as string | undefined) };
    });
  }

  async delete(documentId: string, at: number): Promise<number | undefined> {
    this.#check(documentId);
    return this.#change({ name: 'delete document', text: deleteText, values: [documentId, at] });
  }

  async restore(documentId: string): Promise<number | undefined> {
    this.#check(documentId);
    return this.#change({ name: 'restore document', text: restoreText, values: [documentId] });
  }

  async erase({ documentId, at, stamp, latest = 0, deletedBefore = Infinity }: Erasure): Promise<number | undefined> {
    this.#check(documentId);
    return this.#repeat(() =>
      this.#connections.use(async (connection) => {
        await connection.query('BEGIN');
        const [locked] = await connection.query({ name: 'lock document', text: lockText, values: [documentId] });
        const deletedAt = locked?.[0] === null ? Infinity : Number(locked?.[0]);
        const isDue = deletedBefore === Infinity || deletedAt < deletedBefore;
        let commit: number | undefined;
        if (locked !== undefined && isDue) {
          const values = [documentId, at, stamp, latest];
          const [row] = await connection.query({ name: 'erase document', text: eraseText, values });
          commit = Number(row?.[0]);
          for (const table of parts) {
            const text = `DELETE FROM ${table} WHERE document_id = $1`;
            await connection.query({ name: `erase ${table}`, text, values: [documentId] });
          }
        }
        await connection.query('COMMIT');
        return commit;
      }),
    );
  }

  #check(documentId: string): void {
    this.#checkOpen();
    checkDocumentId(documentId);
  }

  async #change(statement: Statement): Promise<number | undefined> {
    const rows = await this.#repeat(() => this.#connections.use((connection) => connection.query(statement)));
    return rows[0] === undefined ? undefined : Number(rows[0][0]);
  }

  /** After a conflict with another transaction, once more. */
  async #repeat<Result>(action: () => Promise<Result>): Promise<Result> {
    for (let tries = 1; ; tries++) {
      try {
        return await action();
      } catch (error) {
        const failure = databaseError(error);
        if (failure.remedy !== 'repeat' || tries === maxTries) throw failure;
      }
      await sleep(Math.random() * pauseMs * tries);
    }
  }
}

/** Documents that came between the two statements may have moved the last row that is looked at before one of the page. */
function further(documents: readonly ListedDocument[], behind: string | undefined): string | undefined {
  const last = documents.at(-1)?.id;
  return behind !== undefined && last !== undefined && last > behind ? last : behind;
}

function listed([id, created, updated, deletedAt]: Row): ListedDocument {
  return { id, created, updated, ...(deletedAt === null ? {} : { deletedAt }) };
}

/** The first string behind all that begin with a prefix of ASCII characters. */
function endOf(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}
