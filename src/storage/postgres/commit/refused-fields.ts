/** What is left in the place of rows that the database refuses. */

import { binaryArrays, type ArrayEncoding } from '../arrays.js';
import type { Statement } from '../connection/client.js';

/** Of a field in a document. */
export interface FieldKey {
  readonly documentId: string;
  readonly path: string;
}

/**
 * The documents are locked, and have the numbers of the commit. A document that has a horizon is sent as a whole to
 * whoever may hold what is gone, so nothing need tell that a field of it is not there.
 */
const numberText = `
WITH given AS (
  SELECT document_id, path, stamp, commits, horizon_ts
  FROM unnest($1::text[], $2::text[]) AS given (document_id, path) JOIN documents ON documents.id = document_id
), numbered AS (
  UPDATE fields AS stored SET commit = commits FROM given
  WHERE stored.document_id = given.document_id AND stored.path = given.path
  RETURNING stored.document_id, stored.path
)
INSERT INTO fields (document_id, path, value, raw, deleted, ts, counter, client_id, stamp, commit)
SELECT document_id, path, '{"__deleted": true}', '{"__deleted":true}', true, 0, 0, 'server', stamp, commits
FROM given
WHERE horizon_ts IS NULL AND (document_id, path) NOT IN (SELECT document_id, path FROM numbered)`;

/**
 * Gives the number of the commit to the stored rows of fields; a field that is not there gets a removal that is less than
 * any write. Who was sent what is refused, and was away since, knows no commit from this one on.
 */
export function numberStatement(fields: readonly FieldKey[], array: ArrayEncoding = binaryArrays): Statement {
  return {
    name: 'number',
    text: numberText,
    values: [array.text(fields.map(({ documentId }) => documentId)), array.text(fields.map(({ path }) => path))],
  };
}
