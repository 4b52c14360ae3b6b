/** What documents were, as Postgres has it. */

import {
  maxPruned,
  type EntriesPage,
  type EntriesRequest,
  type History,
  type HistoryDocument,
  type HistoryHead,
  type PastDocument,
  type Prune,
  type Pruned,
} from '../../history/port.js';
import { textAt, textNeededFrom, type TextTime } from '../../history/text-at.js';
import { checkDocumentId } from '../../limits.js';
import type { Connection, Connections } from '../connection/connection.js';
import { entryOf, type EntryRow } from './rows.js';

const headText = `
SELECT deleted_at IS NOT NULL, kept_since
FROM documents LEFT JOIN histories ON document_id = id WHERE id = $1`;

/** The newest first, up to some bytes and one more. */
const entriesText = `
SELECT commit, place, at, path, before, after, user_id, client_id, authors, size FROM (
  SELECT *, sum(CASE WHEN path IS NULL THEN 0 ELSE size END) OVER newest AS total, row_number() OVER newest AS nth
  FROM (
    SELECT commit, place, at, path, before, after, user_id, client_id, authors,
      CASE WHEN path IS NULL THEN octet_length(bytes)
        ELSE octet_length(path) + coalesce(octet_length(before), 0) + coalesce(octet_length(after), 0) END AS size
    FROM history_entries
    WHERE document_id = $1 AND (commit, place) < ($2, $3)
      AND commit > coalesce((SELECT pruned FROM histories WHERE document_id = $1), 0)
    ORDER BY commit DESC, place DESC LIMIT $4
  ) AS page
  WINDOW newest AS (ORDER BY commit DESC, place DESC)
) AS page
WHERE nth <= 2 OR total - size <= $5
ORDER BY commit DESC, place DESC`;

/** Of each field the value before its first change since then; what has not changed since is as it is now. */
const fieldsText = `
WITH later AS (
  SELECT DISTINCT ON (path) path, before FROM history_entries
  WHERE document_id = $1 AND at > $2 AND path IS NOT NULL
  ORDER BY path, commit, place
)
SELECT path, before FROM later WHERE before IS NOT NULL
UNION ALL
SELECT path, coalesce(raw, value::text) FROM fields
WHERE document_id = $1 AND NOT deleted AND path NOT IN (SELECT path FROM later)`;

const updatesText = `
SELECT commit, place, at FROM history_entries WHERE document_id = $1 AND path IS NULL ORDER BY commit, place`;
const wholesText = `
SELECT commit, 0, min(at) FROM history_wholes WHERE document_id = $1 GROUP BY commit ORDER BY commit`;
const currentTextText = 'SELECT bytes FROM text_updates WHERE document_id = $1 ORDER BY id';
const pastTextText = `
SELECT bytes FROM history_wholes WHERE document_id = $1 AND commit = $2
UNION ALL
SELECT bytes FROM history_entries WHERE document_id = $1 AND path IS NULL AND commit >= $2 AND at <= $3`;

const listText = `
SELECT document_id, entries, oldest_at FROM histories WHERE document_id > $1 ORDER BY document_id LIMIT $2`;

/** Another node that prunes the same history does it; a commit that adds to it waits. */
const lockText = `
SELECT pruned, entries FROM histories WHERE document_id = $1 AND entries > 0 FOR UPDATE SKIP LOCKED`;
const oldestText = `
SELECT commit, at FROM history_entries WHERE document_id = $1 AND commit > $2 ORDER BY commit, place LIMIT $3`;
const dropText = `
DELETE FROM history_entries WHERE document_id = $1 AND path IS NOT NULL AND commit <= $2`;
const dropUpdatesText = `
DELETE FROM history_entries WHERE document_id = $1 AND path IS NULL AND commit < $2`;
const dropWholesText = 'DELETE FROM history_wholes WHERE document_id = $1 AND commit < $2';
const prunedText = `
UPDATE histories SET pruned = $2, kept_since = $3,
  entries = (SELECT count(*) FROM history_entries WHERE document_id = $1 AND commit > $2),
  oldest_at = coalesce(
    (SELECT at FROM history_entries WHERE document_id = $1 AND commit > $2 ORDER BY commit, place LIMIT 1), 0),
  text_updates = CASE WHEN $4 THEN 0 ELSE text_updates END,
  text_bytes = CASE WHEN $4 THEN 0 ELSE text_bytes END,
  whole_bytes = CASE WHEN $4 THEN -1 ELSE whole_bytes END
WHERE document_id = $1`;

type Rows = readonly (readonly unknown[])[];

export class PostgresHistory implements History {
  readonly #connections: Connections;
  readonly #checkOpen: () => void;

  constructor(connections: Connections, checkOpen: () => void) {
    this.#connections = connections;
    this.#checkOpen = checkOpen;
  }

  async entries(documentId: string, { before, limit, maxBytes }: EntriesRequest): Promise<EntriesPage> {
    this.#check(documentId);
    return this.#connections.use(async (connection) => {
      const place = [before?.commit ?? Number.MAX_SAFE_INTEGER, before?.index ?? 0];
      const values = [documentId, ...place, limit + 1, maxBytes];
      const rows = await connection.query({ name: 'history entries', text: entriesText, values });
      const entries = (rows as unknown as readonly EntryRow[]).map(entryOf);
      // Afterwards: it must not promise what is dropped meanwhile.
      const head = await headOf(connection, documentId);
      let bytes = 0;
      // The last one may be there only to tell that there is more.
      const most = rows.findIndex((row, i) => {
        bytes += sizeOf(row);
        return i === limit || (i > 0 && bytes > maxBytes);
      });
      return { ...head, entries: most === -1 ? entries : entries.slice(0, most), hasMore: most !== -1 };
    });
  }

  async at(documentId: string, at: number): Promise<PastDocument> {
    this.#check(documentId);
    return this.#connections.use(async (connection) => {
      await connection.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const { state, keptSince } = await headOf(connection, documentId);
      const fields = await connection.query({ name: 'history fields', text: fieldsText, values: [documentId, at] });
      const text = await pastText(connection, documentId, at);
      await connection.query('COMMIT');
      return { state, keptSince, fields: new Map(fields as unknown as readonly (readonly [string, string])[]), text };
    });
  }

  async list(after: string, limit: number): Promise<readonly HistoryDocument[]> {
    this.#checkOpen();
    const statement = { name: 'list histories', text: listText, values: [after, limit] };
    const rows = await this.#connections.use((connection) => connection.query(statement));
    const histories = rows as unknown as readonly (readonly [string, number, number])[];
    return histories.map(([id, entries, oldestAt]) => ({ id, entries, oldestAt }));
  }

  async prune(prune: Prune): Promise<Pruned> {
    this.#check(prune.documentId);
    return this.#connections.use(async (connection) => {
      await connection.query('BEGIN');
      const pruned = await pruneOn(connection, prune);
      await connection.query('COMMIT');
      return pruned;
    });
  }

  #check(documentId: string): void {
    this.#checkOpen();
    checkDocumentId(documentId);
  }
}

async function headOf(connection: Connection, documentId: string): Promise<HistoryHead> {
  const [row] = await connection.query({ name: 'history head', text: headText, values: [documentId] });
  if (row === undefined) return { state: 'missing', keptSince: undefined };
  const [isDeleted, keptSince] = row as unknown as readonly [boolean, number | null];
  return { state: isDeleted ? 'deleted' : 'present', keptSince: keptSince ?? undefined };
}

async function pastText(connection: Connection, documentId: string, at: number): Promise<Uint8Array[]> {
  const values = [documentId];
  const updates = timesOf(await connection.query({ name: 'history updates', text: updatesText, values }));
  const wholes = timesOf(await connection.query({ name: 'history wholes', text: wholesText, values }));
  const source = textAt(updates, wholes, at);
  const rows =
    source.kind === 'current'
      ? await connection.query({ name: 'history current text', text: currentTextText, values })
      : await connection.query({
          name: 'history past text',
          text: pastTextText,
          values: [documentId, source.whole ?? 0, at],
        });
  return rows.map(([bytes]) => bytes as Uint8Array);
}

async function pruneOn(connection: Connection, { documentId, before, keep }: Prune): Promise<Pruned> {
  const nothing = { entries: 0, hasMore: false };
  const [locked] = await connection.query({ name: 'lock history', text: lockText, values: [documentId] });
  if (locked === undefined) return nothing;
  const [former, entries] = locked as unknown as readonly [number, number];
  const excess = entries - keep;
  const values = [documentId, former, maxPruned + 1];
  const oldest = (await connection.query({
    name: 'oldest of history',
    text: oldestText,
    values,
  })) as unknown as readonly (readonly [commit: number, at: number])[];
  const due = oldest.findIndex(([, at], i) => at >= before && i >= excess);
  const count = Math.min(due === -1 ? oldest.length : due, maxPruned);
  const last = oldest[count - 1];
  if (last === undefined) return nothing;
  const [upTo, keptSince] = last;
  const updates = timesOf(await connection.query({ name: 'history updates', text: updatesText, values: [documentId] }));
  const wholes = timesOf(await connection.query({ name: 'history wholes', text: wholesText, values: [documentId] }));
  const commits = (times: readonly TextTime[]): number[] => times.map(({ commit }) => commit);
  const from = textNeededFrom(commits(updates), commits(wholes), upTo);
  const isAll = from === Infinity;
  const neededFrom = isAll ? Number.MAX_SAFE_INTEGER : from;
  await connection.query({ name: 'drop history', text: dropText, values: [documentId, upTo] });
  await connection.query({ name: 'drop history updates', text: dropUpdatesText, values: [documentId, neededFrom] });
  await connection.query({ name: 'drop history wholes', text: dropWholesText, values: [documentId, neededFrom] });
  await connection.query({ name: 'pruned history', text: prunedText, values: [documentId, upTo, keptSince, isAll] });
  return { entries: count, hasMore: count === maxPruned };
}

function timesOf(rows: Rows): TextTime[] {
  return (rows as readonly (readonly [number, number, number])[]).map(([commit, index, at]) => ({ commit, index, at }));
}

function sizeOf(row: readonly unknown[]): number {
  return row[3] === null ? 0 : Number(row[9]);
}
