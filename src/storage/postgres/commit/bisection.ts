/** Writes what the database accepts, and finds by bisection what it refuses. */

import type { RefusedRow } from '../../port.js';
import { addTo, nothing, purge, writeDocuments, writeRows, Written, type Answers } from './answers.js';
import type { Connection } from '../connection/connection.js';
import { databaseError, DatabaseError } from '../errors.js';
import type { Plan, PlannedField, PlannedText, Rows } from './plan.js';
import { numberStatement } from './refused-fields.js';

/**
 * Writes the rows of a plan that the database accepts, within a transaction of the caller. Where the row of a document is
 * refused, all rows of the document are.
 *
 * @throws DatabaseError when it is not for a row that the database fails.
 */
export async function writeAccepted(connection: Connection, { documents, statements, purges }: Plan): Promise<Written> {
  // Or it would be found at the end of the transaction that a row violates a deferred one, and not which.
  await connection.query('SET CONSTRAINTS ALL IMMEDIATE');
  const refused: RefusedRow[] = [];
  const without = new Map<string, string>();
  const parts: Answers[] = [];
  await writeParts(
    connection,
    // In the order of all commits, so that they wait for each other instead of deadlocking.
    [...documents].sort(([a], [b]) => (a < b ? -1 : 1)),
    (part) => writeDocuments(connection, new Map(part), nothing),
    (answers) => parts.push(answers),
    ([documentId], reason) => without.set(documentId, reason),
  );
  const answers = joined(parts);
  for (const rows of statements) {
    const writable: Item[] = [];
    for (const item of itemsOf(rows)) {
      const reason = without.get(documentOf(item));
      if (reason === undefined) writable.push(item);
      else refused.push(refusal(item, reason));
    }
    await writeParts(
      connection,
      writable,
      (part) => writeRows(connection, rowsOf(part)),
      (more) => {
        addTo(answers, more);
      },
      (item, reason) => refused.push(refusal(item, reason)),
    );
  }
  await writeParts(
    connection,
    refused.flatMap(({ documentId, path }) => (path === undefined ? [] : [{ documentId, path }])),
    (part) => connection.query(numberStatement(part)),
    () => undefined,
    // The rules may be against this as well: it is a help for clients that come back, no more.
    () => undefined,
  );
  const raised: (string | null)[] = [];
  await writeParts(
    connection,
    purges.filter(({ documentId }) => !without.has(documentId)),
    (part) => purge(connection, part),
    (horizons) => raised.push(horizons),
    // What is not removed stays in the way of older writes, which is what a horizon is for.
    () => undefined,
  );
  answers.raised = joinObjects(raised);
  return new Written(refused, answers);
}

/** The answers to parts of a statement, as one. */
function joined(parts: readonly Answers[]): Answers {
  const first = [
    joinObjects(parts.map(({ first: [commits] }) => commits)),
    joinObjects(parts.map(({ first: [, horizons] }) => horizons)),
    null,
  ] as const;
  return { first, raised: null, expired: parts.flatMap(({ expired }) => expired), recorded: [] };
}

/** JSON texts of objects with different keys, as one. */
function joinObjects(texts: readonly (string | null)[]): string | null {
  const entries = texts.flatMap((text) => (text === null ? [] : [text.trim().slice(1, -1).trim()]));
  const filled = entries.filter((text) => text !== '');
  return filled.length === 0 ? null : `{${filled.join(',')}}`;
}

/** A row of a field, or the change of a text. */
type Item = { readonly field: PlannedField } | { readonly text: PlannedText };

function itemsOf({ fields, texts }: Rows): Item[] {
  return [...fields.map((field) => ({ field })), ...texts.map((text) => ({ text }))];
}

function rowsOf(items: readonly Item[]): Rows {
  return {
    fields: items.flatMap((item) => ('field' in item ? [item.field] : [])),
    texts: items.flatMap((item) => ('text' in item ? [item.text] : [])),
  };
}

function documentOf(item: Item): string {
  return 'field' in item ? item.field.documentId : item.text.documentId;
}

function refusal(item: Item, reason: string): RefusedRow {
  return { documentId: documentOf(item), path: 'field' in item ? item.field.row.path : undefined, reason };
}

/**
 * @param written Called with what the statements return that are not undone.
 * @param refuse Called for each item that can't be written, with the reason.
 */
async function writeParts<T, Answer>(
  connection: Connection,
  items: readonly T[],
  write: (part: readonly T[]) => Promise<Answer>,
  written: (answer: Answer) => void,
  refuse: (item: T, reason: string) => void,
): Promise<void> {
  const [first] = items;
  if (first === undefined) return;
  const attempted = await attempt(connection, () => write(items));
  if (!(attempted instanceof DatabaseError)) {
    written(attempted);
    return;
  }
  if (items.length === 1) {
    refuse(first, attempted.message);
    return;
  }
  const half = Math.ceil(items.length / 2);
  await writeParts(connection, items.slice(0, half), write, written, refuse);
  await writeParts(connection, items.slice(half), write, written, refuse);
}

/** Writes all of a part, or nothing of it and returns the reason. */
async function attempt<Answer>(connection: Connection, write: () => Promise<Answer>): Promise<Answer | DatabaseError> {
  await connection.query('SAVEPOINT attempt');
  let answer: Answer;
  try {
    answer = await write();
  } catch (error) {
    const failure = databaseError(error);
    if (failure.remedy !== 'leave out the row') throw failure;
    await connection.query('ROLLBACK TO SAVEPOINT attempt');
    return failure;
  }
  await connection.query('RELEASE SAVEPOINT attempt');
  return answer;
}
