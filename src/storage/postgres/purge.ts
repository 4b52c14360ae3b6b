/** Tombstones that are forgotten, and the horizons that they leave. */

import type { Horizon, Purge } from '../horizon.js';
import { binaryArrays, type ArrayEncoding } from './arrays.js';
import type { Statement } from './connection/client.js';

export interface PlannedPurge extends Purge {
  readonly documentId: string;
}

/** A horizon in JSON that the database writes. */
export type HorizonRow = readonly [timestamp: number, counter: number, clientId: string, stamp: number];

/**
 * The documents are locked by the statement before. A row is removed unless something greater was stored in its place.
 */
const purgeText = `
WITH gone AS (
  DELETE FROM fields AS stored
  USING unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[])
    AS given (document_id, path, ts, counter, client_id, value)
  WHERE stored.document_id = given.document_id AND stored.path = given.path
    AND (stored.ts, stored.counter, stored.client_id COLLATE "C", coalesce(stored.raw, stored.value::text) COLLATE "C")
      <= (given.ts, given.counter, given.client_id COLLATE "C", given.value COLLATE "C")
  RETURNING 1
), raised AS (
  UPDATE documents AS stored SET
    horizon_ts = CASE WHEN is_higher THEN ts ELSE horizon_ts END,
    horizon_counter = CASE WHEN is_higher THEN counter ELSE horizon_counter END,
    horizon_client_id = CASE WHEN is_higher THEN client_id ELSE horizon_client_id END,
    horizon_stamp = greatest(horizon_stamp, given.stamp)
  FROM (
    SELECT given.*, horizon_ts IS NULL OR (ts, counter, client_id COLLATE "C")
      > (horizon_ts, horizon_counter, horizon_client_id) AS is_higher
    FROM unnest($7::text[], $8::bigint[], $9::bigint[], $10::text[], $11::bigint[])
      AS given (document_id, ts, counter, client_id, stamp)
    JOIN documents ON documents.id = given.document_id
  ) AS given
  WHERE stored.id = given.document_id
  RETURNING id, horizon_ts, horizon_counter, horizon_client_id, horizon_stamp
)
SELECT json_object_agg(id, json_build_array(horizon_ts, horizon_counter, horizon_client_id, horizon_stamp))
FROM raised WHERE (SELECT count(*) FROM gone) IS NOT NULL`;

/**
 * Removes tombstones and raises the horizons of their documents. Its one row is a JSON text: document id → `HorizonRow`.
 *
 * @param purges Each document at most once.
 */
export function purgeStatement(purges: readonly PlannedPurge[], array: ArrayEncoding = binaryArrays): Statement {
  const fields = purges.flatMap(({ documentId, fields }) => fields.map((row) => ({ documentId, ...row })));
  const horizons = purges.map(({ documentId, horizon }) => ({ documentId, ...horizon }));
  return {
    name: 'purge',
    text: purgeText,
    values: [
      array.text(fields.map(({ documentId }) => documentId)),
      array.text(fields.map(({ path }) => path)),
      array.bigint(fields.map(({ timestamp }) => timestamp)),
      array.bigint(fields.map(({ counter }) => counter)),
      array.text(fields.map(({ clientId }) => clientId)),
      array.text(fields.map(({ value }) => value)),
      array.text(horizons.map(({ documentId }) => documentId)),
      array.bigint(horizons.map(({ timestamp }) => timestamp)),
      array.bigint(horizons.map(({ counter }) => counter)),
      array.text(horizons.map(({ clientId }) => clientId)),
      array.bigint(horizons.map(({ stamp }) => stamp)),
    ],
  };
}

/** Document id → horizon, from the JSON object of a statement; null is none. */
export function horizonsOf(json: string | null): ReadonlyMap<string, Horizon> {
  if (json === null) return new Map();
  const rows = Object.entries(JSON.parse(json) as Record<string, HorizonRow>);
  return new Map(rows.map(([documentId, row]) => [documentId, horizonOfRow(row)]));
}

/** The inverse of what the statements build. */
export function horizonOfRow([timestamp, counter, clientId, stamp]: HorizonRow): Horizon {
  return { timestamp, counter, clientId, stamp };
}
