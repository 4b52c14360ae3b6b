/** The SQL statements of commits and loads. */

import { binaryArrays, type ArrayEncoding } from './arrays.js';
import type { Statement } from './connection/client.js';
import { fitsJsonb } from './jsonb.js';
import type { Rows } from './commit/plan.js';
import { hasHistory, historyValues, recordHistory } from './history/record.js';

/** Of two writes of a field the one with the greater place stays. */
function placeOf(row: 'excluded' | 'stored'): string {
  return `(${row}.ts, ${row}.counter, ${row}.client_id COLLATE "C", coalesce(${row}.raw, ${row}.value::text) COLLATE "C")`;
}

/**
 * The CTEs run in sequence, as each reads the rows of the one before. The document comes first: its row is the lock for
 * everything that belongs to it, and it counts the commits. Rows are sorted, so that transactions of several nodes queue
 * up instead of deadlocking. A value that does not fit jsonb is null there, and its text lies beside it. The horizon is
 * that of the locked row. Where it may count, the function looks whether the field is there. A row that wins over the given
 * one bears the commit's number, too: clients may have been sent the one that lost.
 */
const writeTextOf = (history?: string): string => `
WITH document AS (
  INSERT INTO documents AS stored (id, stamp, commits)
  SELECT id, stamp, $19::integer FROM unnest($1::text[], $2::bigint[]) AS given (id, stamp)
  ORDER BY id COLLATE "C"
  ON CONFLICT (id) DO UPDATE
  SET stamp = greatest(stored.stamp, excluded.stamp), commits = stored.commits + $19::integer, updated_at = now()
  RETURNING id, commits, horizon_ts, horizon_counter, horizon_client_id, horizon_stamp
), expired AS (
  SELECT document_id, path
  FROM unnest($3::text[], $4::text[], $7::bigint[], $8::bigint[], $9::text[])
    AS given (document_id, path, ts, counter, client_id)
  LEFT JOIN document ON document.id = document_id
  WHERE CASE
    WHEN document.id IS NOT NULL AND (document.horizon_ts IS NULL
      OR (ts, counter, client_id COLLATE "C") > (horizon_ts, horizon_counter, horizon_client_id)) THEN false
    ELSE synckit_is_expired(document_id, path, ts, counter, client_id)
  END
)${history === undefined ? '' : `, history AS MATERIALIZED (${history})`}, field AS (
  INSERT INTO fields AS stored (document_id, path, value, raw, deleted, ts, counter, client_id, stamp, commit)
  SELECT document_id, path, coalesce(json, 'null'), CASE WHEN json::text = value THEN NULL ELSE value END,
    deleted, ts, counter, client_id, parsed.stamp, document.commits
  FROM (
    SELECT *, CASE WHEN fits THEN value::jsonb END AS json
    FROM unnest($3::text[], $4::text[], $5::text[], $6::boolean[], $7::bigint[], $8::bigint[], $9::text[], $10::bigint[],
      $18::boolean[]) AS given (document_id, path, value, deleted, ts, counter, client_id, stamp, fits)
    OFFSET 0
  ) AS parsed JOIN document ON document.id = document_id
  WHERE (SELECT count(*) FROM ${history === undefined ? 'document' : 'history'}) IS NOT NULL
    AND (document_id, path) NOT IN (SELECT document_id, path FROM expired)
  ORDER BY document_id COLLATE "C", path COLLATE "C"
  ON CONFLICT (document_id, path) DO UPDATE SET ${['value', 'raw', 'deleted', 'ts', 'counter', 'client_id', 'stamp']
    .map(
      (column) =>
        `${column} = CASE WHEN ${placeOf('excluded')} > ${placeOf('stored')} THEN excluded.${column} ELSE stored.${column} END`,
    )
    .join(', ')}, commit = excluded.commit
  WHERE ${placeOf('excluded')} <> ${placeOf('stored')}
  RETURNING 1
), gone AS (
  DELETE FROM text_updates
  WHERE (document_id, id) IN (SELECT * FROM unnest($11::text[], $12::text[]))
    AND (SELECT count(*) FROM field) IS NOT NULL
  RETURNING 1
), text_update AS (
  INSERT INTO text_updates (document_id, id, bytes)
  SELECT document_id, id, substring($13::bytea FROM start FOR length)
  FROM unnest($14::text[], $15::text[], $16::integer[], $17::integer[]) AS given (document_id, id, start, length)
  WHERE (SELECT count(*) FROM gone) IS NOT NULL
  ORDER BY document_id COLLATE "C", id COLLATE "C"
  ON CONFLICT (document_id, id) DO NOTHING
  RETURNING 1
)
SELECT
  json_object_agg(id, commits),
  json_object_agg(id, json_build_array(horizon_ts, horizon_counter, horizon_client_id, horizon_stamp))
    FILTER (WHERE horizon_ts IS NOT NULL),
  (SELECT json_agg(json_build_array(document_id, path)) FROM expired)${history === undefined ? '' : ', (SELECT counts FROM history)'}
FROM document WHERE (SELECT count(*) FROM text_update) IS NOT NULL`;

const writeText = writeTextOf();
const writeTextWithHistory = writeTextOf(recordHistory);

/**
 * The one row that a write returns, as JSON texts: an object, document id → number of this commit; an object, document id
 * → its horizon as an array (ts, counter, client id, stamp), for those that have one; and an array of pairs, document id
 * and path, of the rows that were lost to it. One row a document is slow.
 */
export type WrittenRow = readonly [
  commits: string | null,
  horizons: string | null,
  expired: string | null,
  /** Only of a statement with history: an array, the entries that it has added and their bytes. */
  recorded?: string | null,
];

/**
 * Writes the stamps of documents, and rows of these documents.
 *
 * @param documents Document id → stamp.
 * @param isFirst Whether it is the commit's first statement for these documents: each gets one commit number.
 * @param array How arrays are encoded.
 */
export function writeStatement(
  documents: ReadonlyMap<string, number>,
  { fields, texts }: Rows,
  isFirst: boolean,
  array: ArrayEncoding = binaryArrays,
): Statement {
  const rows = fields.map(({ row }) => row);
  const gone = texts.flatMap(({ documentId, replaces }) => replaces.map((id) => ({ documentId, id })));
  const updates = texts.flatMap(({ documentId, append }) => append.map((update) => ({ documentId, ...update })));
  let end = 1;
  const starts = updates.map(({ bytes }) => (end += bytes.byteLength) - bytes.byteLength);
  const isRecorded = hasHistory({ fields, texts });
  return {
    name: isRecorded ? 'write history' : 'write',
    text: isRecorded ? writeTextWithHistory : writeText,
    values: [
      array.text([...documents.keys()]),
      array.bigint([...documents.values()]),
      array.text(fields.map(({ documentId }) => documentId)),
      array.text(rows.map(({ path }) => path)),
      array.text(rows.map(({ value }) => value)),
      array.boolean(rows.map(({ deleted }) => deleted)),
      array.bigint(rows.map(({ timestamp }) => timestamp)),
      array.bigint(rows.map(({ counter }) => counter)),
      array.text(rows.map(({ clientId }) => clientId)),
      array.bigint(rows.map(({ stamp }) => stamp)),
      array.text(gone.map(({ documentId }) => documentId)),
      array.text(gone.map(({ id }) => id)),
      // All updates in one parameter: the driver does not distinguish an array of bytes from one of strings.
      Buffer.concat(updates.map(({ bytes }) => bytes)),
      array.text(updates.map(({ documentId }) => documentId)),
      array.text(updates.map(({ id }) => id)),
      array.integer(starts),
      array.integer(updates.map(({ bytes }) => bytes.byteLength)),
      array.boolean(rows.map(({ value }) => fitsJsonb(value))),
      isFirst ? 1 : 0,
      ...(isRecorded ? historyValues({ fields, texts }, array) : []),
    ],
  };
}

/** What a deleted document holds is kept, and not loaded. */
const whole = `ANY (ARRAY(
  SELECT id FROM unnest($1::text[]) AS given (id)
  EXCEPT SELECT id FROM documents WHERE id = ANY ($1::text[]) AND deleted_at IS NOT NULL
))`;

/** One statement reads one snapshot, so that the rows of a document belong to the same commits. */
const loadText = `
SELECT 0, id, stamp, NULL,
  CASE WHEN horizon_ts IS NOT NULL
    THEN json_build_array(horizon_ts, horizon_counter, horizon_client_id, horizon_stamp)::text END,
  NULL, commits, (extract(epoch FROM deleted_at) * 1000)::bigint, NULL, (extract(epoch FROM erased_at) * 1000)::bigint,
  NULL::bytea
FROM documents WHERE id = ANY ($1::text[])
UNION ALL
SELECT 1, document_id, stamp, path, coalesce(raw, value::text), deleted, ts, counter, client_id, commit, NULL
FROM fields WHERE document_id = ${whole}
UNION ALL
SELECT 2, document_id, NULL, id, NULL, NULL, NULL, NULL, NULL, NULL, bytes
FROM text_updates WHERE document_id = ${whole}`;

/** A row of a load; the first column is its kind, which decides which of the others are not null. */
export type LoadedRow = LoadedRecord | LoadedField | LoadedUpdate;

type LoadedRecord = readonly [
  0,
  documentId: string,
  stamp: number,
  null,
  /** A `HorizonRow` as JSON text. */
  horizon: string | null,
  null,
  commits: number,
  /** In ms since the epoch. */
  deletedAt: number | null,
  null,
  erasedAt: number | null,
];

export type LoadedField = readonly [
  1,
  documentId: string,
  stamp: number,
  path: string,
  value: string,
  deleted: boolean,
  timestamp: number,
  counter: number,
  clientId: string,
  commit: number,
];

type LoadedUpdate = readonly [
  ...[2, documentId: string, null, id: string],
  ...[null, null, null, null, null, null, bytes: Uint8Array],
];

/** Reads whole documents: their records, fields and text updates, in no particular order (`LoadedRow`). */
export function loadStatement(documentIds: readonly string[]): Statement {
  return { name: 'load', text: loadText, values: [documentIds] };
}

/** Reads the numbers of the last commits. */
export function lastCommitsStatement(documentIds: readonly string[]): Statement {
  const text = 'SELECT id, commits FROM documents WHERE id = ANY ($1::text[])';
  return { name: 'last commits', text, values: [documentIds] };
}

/** A row of that result. */
export type LastCommit = readonly [documentId: string, commits: number];
