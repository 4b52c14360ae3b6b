/** The plan of a commit: valid rows only, each key once, split into statements. */

import { reasonAgainstId, reasonAgainstRow, reasonAgainstText, refuseAll } from '../../limits.js';
import type { Author } from '../../history/port.js';
import { compareRows } from '../../order.js';
import type { DocumentChange, FieldRow, RefusedRow, TextChange, TextUpdate } from '../../port.js';
import { mergeHorizons, type Purge } from '../../horizon.js';
import type { PlannedPurge } from '../purge.js';
import { reasonAgainst } from './refusals.js';

export interface PlannedField {
  readonly documentId: string;
  readonly row: FieldRow;
  /** Present where the document has history: rows of the field that were replaced before they were stored. */
  readonly replaced: readonly FieldRow[] | undefined;
}

export interface PlannedText {
  readonly documentId: string;
  readonly append: readonly TextUpdate[];
  /** Ids of updates to remove; none is among the appended. */
  readonly replaces: readonly string[];
  /** Present where the first of the appended is for the history. */
  readonly authors: readonly Author[] | undefined;
}

/** Rows for one statement. */
export interface Rows {
  readonly fields: readonly PlannedField[];
  /** Each document at most once. */
  readonly texts: readonly PlannedText[];
}

export interface Plan {
  /** Document id → stamp. */
  readonly documents: ReadonlyMap<string, number>;
  /** In the sequence in which they must be written. */
  readonly statements: readonly Rows[];
  /** After all statements. */
  readonly purges: readonly PlannedPurge[];
  readonly refused: readonly RefusedRow[];
}

/** Limits of one statement; a larger row or text gets a statement of its own. */
const rowsPerStatement = 5_000;
const bytesPerStatement = 32 * 1024 ** 2;

/** Plans a commit. Copies the bytes that it keeps, so the caller may reuse them. */
export function planOf(changes: readonly DocumentChange[]): Plan {
  const refused: RefusedRow[] = [];
  const documents = new Map<string, number>();
  const fields = new Map<string, Map<string, Field>>();
  const texts: PlannedText[] = [];
  const purges = new Map<string, PlannedPurge>();
  for (const change of changes) {
    const { documentId, stamp, text, purge } = change;
    const reason = reasonAgainstId(documentId);
    if (reason !== undefined) {
      refused.push(...refuseAll(change, reason));
      continue;
    }
    documents.set(documentId, Math.max(stamp, documents.get(documentId) ?? 0));
    planFields(change, fields, refused);
    if (purge !== undefined) planPurge(documentId, purge, purges);
    if (text === undefined) continue;
    const reasonForText = reasonAgainstText(text);
    if (reasonForText !== undefined) refused.push({ documentId, path: undefined, reason: reasonForText });
    else if (text.append.length > 0) texts.push(copyOfText(change, text));
  }
  return { documents, statements: statementsOf(fields, texts), purges: [...purges.values()], refused };
}

/** Without fields that could never be stored: they would make the whole commit fail. */
function planPurge(documentId: string, { fields, horizon }: Purge, planned: Map<string, PlannedPurge>): void {
  const other = planned.get(documentId);
  const storable = fields.filter((row) => (reasonAgainstRow(row) ?? reasonAgainst(row)) === undefined);
  if (reasonAgainst({ path: '', clientId: horizon.clientId }) !== undefined) return;
  planned.set(documentId, {
    documentId,
    fields: [...(other?.fields ?? []), ...storable],
    horizon: mergeHorizons(other?.horizon, horizon) ?? horizon,
  });
}

/** A row, and those that it replaced where there is history. */
interface Field {
  readonly row: FieldRow;
  readonly replaced: FieldRow[] | undefined;
}

/** Keeps the greatest row of each key: a key may occur only once in a statement. */
function planFields(
  { documentId, fields, replaced }: DocumentChange,
  planned: Map<string, Map<string, Field>>,
  refused: RefusedRow[],
): void {
  if (fields.length === 0) return;
  let rows = planned.get(documentId);
  if (rows === undefined) planned.set(documentId, (rows = new Map<string, Field>()));
  for (const row of fields) {
    const reason = reasonAgainstRow(row) ?? reasonAgainst(row);
    if (reason !== undefined) {
      refused.push({ documentId, path: row.path, reason });
      continue;
    }
    const other = rows.get(row.path);
    const isGreater = other === undefined || compareRows(row, other.row) > 0;
    const former = other === undefined ? [] : [...(other.replaced ?? []), isGreater ? other.row : row];
    rows.set(row.path, {
      row: isGreater ? { ...row } : other.row,
      replaced: replaced === undefined && other?.replaced === undefined ? undefined : former,
    });
  }
  for (const row of replaced ?? []) {
    if ((reasonAgainstRow(row) ?? reasonAgainst(row)) === undefined) rows.get(row.path)?.replaced?.push({ ...row });
  }
}

function copyOfText({ documentId, replaced }: DocumentChange, { append, replaces, authors }: TextChange): PlannedText {
  const kept = new Set(append.map(({ id }) => id));
  return {
    documentId,
    append: append.map(({ id, bytes }) => ({ id, bytes: new Uint8Array(bytes) })),
    replaces: replaces.filter((id) => !kept.has(id)),
    authors: replaced === undefined ? undefined : authors,
  };
}

/** Sorted by document, so that concurrent transactions lock documents in the same order. */
function statementsOf(fields: Map<string, Map<string, Field>>, texts: readonly PlannedText[]): Rows[] {
  const statements: { fields: PlannedField[]; texts: PlannedText[] }[] = [];
  let bytes = Infinity;
  let withText = new Set<string>();
  const statementFor = (size: number) => {
    let last = statements.at(-1);
    const rows = last === undefined ? 0 : last.fields.length + last.texts.length;
    if (last === undefined || rows >= rowsPerStatement || bytes + size > bytesPerStatement) {
      statements.push((last = { fields: [], texts: [] }));
      bytes = 0;
      withText = new Set();
    }
    bytes += size;
    return last;
  };
  for (const [documentId, rows] of [...fields].sort(([a], [b]) => (a < b ? -1 : 1))) {
    for (const { row, replaced } of rows.values()) {
      const size = [row, ...(replaced ?? [])].reduce((sum, { value, path }) => sum + value.length + path.length, 0);
      statementFor(size).fields.push({ documentId, row, replaced });
    }
  }
  for (const text of texts) {
    const size = text.append.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
    // A later change of the same text may remove what an earlier one appends.
    if (withText.has(text.documentId)) bytes = Infinity;
    statementFor(size).texts.push(text);
    withText.add(text.documentId);
  }
  if (statements.length === 0) statements.push({ fields: [], texts: [] });
  return statements;
}
