/** How a commit adds to histories: by one function of the database, within the statement that writes the rows. */

import { maxTextUpdates, minTextBytes } from '../../history/port.js';
import type { ArrayEncoding } from '../arrays.js';
import type { Rows } from '../commit/plan.js';

/**
 * Of the statement that writes rows: called when the documents are locked, before anything else is written. The time of
 * the commit before is that of the statement's snapshot; what an erasure has removed since is not known.
 */
export const recordHistory = `
  SELECT to_json(synckit_record_history(
    (SELECT jsonb_object_agg(id, ceil(extract(epoch FROM greatest(updated_at, erased_at)) * 1000)::bigint)
      FROM documents WHERE id = ANY ($1::text[])),
    (SELECT jsonb_object_agg(id, commits) FROM document),
    $20::text[], $21::text[], $22::text[], $23::boolean[], $24::bigint[], $25::bigint[], $26::text[], $27::text[],
    $28::text[], $29::text[], $30::text[], $31::integer[], $32::integer[], $33::bytea, $34::bigint, $35::bigint
  )) AS counts
`;

export function hasHistory({ fields, texts }: Rows): boolean {
  return fields.some(({ replaced }) => replaced !== undefined) || texts.some(({ authors }) => authors !== undefined);
}

/** The parameters of `recordHistory`. */
export function historyValues({ fields, texts }: Rows, array: ArrayEncoding): unknown[] {
  const rows = fields.flatMap(({ documentId, row, replaced }) =>
    replaced === undefined ? [] : [...replaced, row].map((one) => ({ documentId, ...one })),
  );
  const updates = texts.flatMap(({ documentId, append: [first], authors }) =>
    authors === undefined || first === undefined ? [] : [{ documentId, authors, ...first }],
  );
  let end = 1;
  const starts = updates.map(({ bytes }) => (end += bytes.byteLength) - bytes.byteLength);
  return [
    array.text(rows.map(({ documentId }) => documentId)),
    array.text(rows.map(({ path }) => path)),
    array.text(rows.map(({ value }) => value)),
    array.boolean(rows.map(({ deleted }) => deleted)),
    array.bigint(rows.map(({ timestamp }) => timestamp)),
    array.bigint(rows.map(({ counter }) => counter)),
    array.text(rows.map(({ clientId }) => clientId)),
    array.text(rows.map(({ userId }) => userId ?? '')),
    array.text(updates.map(({ documentId }) => documentId)),
    array.text(updates.map(({ id }) => id)),
    array.text(updates.map(({ authors }) => JSON.stringify(authors))),
    array.integer(starts),
    array.integer(updates.map(({ bytes }) => bytes.byteLength)),
    Buffer.concat(updates.map(({ bytes }) => bytes)),
    maxTextUpdates,
    minTextBytes,
  ];
}
