/** Commits to the database: in one transaction, repeated after conflicts, without the rows that it refuses. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Horizon } from '../horizon.js';
import type { Committed, ExpiredRow, RefusedRow } from '../port.js';
import type { Connection, Lender } from './connection.js';
import { databaseError, type DatabaseError } from './errors.js';
import type { Plan, Rows } from './plan.js';
import { horizonsOf, purgeStatement, type PlannedPurge } from './purge.js';
import { writeStatement, type WrittenRow } from './statements.js';

/** Tries before the caller gets the error; the pause between them is random, up to this many ms for each try so far. */
const maxTries = 10;
const pauseMs = 20;

/**
 * Writes all of a plan and resolves once it is durable.
 *
 * @throws DatabaseError with nothing written. When the connection breaks during the commit it may be written
 * nevertheless; writing it again changes nothing.
 */
export async function commit(connections: Lender, plan: Plan): Promise<Committed> {
  for (let tries = 1; ; tries++) {
    try {
      const written = await writeOrLeaveOut(connections, plan);
      return plan.refused.length === 0 ? written : written.without(plan.refused);
    } catch (error) {
      const failure = databaseError(error);
      if (failure.remedy !== 'repeat' || tries === maxTries) throw failure;
    }
    await sleep(Math.random() * pauseMs * tries);
  }
}

/** What the statements of a commit returned. */
interface Answers {
  /** Of the first one. */
  first: WrittenRow;
  /** Of the purge: JSON, document id → horizon. */
  raised: string | null;
  /** JSON, rows that were lost to a horizon, of all statements that had any. */
  readonly expired: string[];
}

/** Parses on demand: few documents have a horizon. */
class Written implements Committed {
  readonly refused: readonly RefusedRow[];
  readonly #answers: Answers;
  #numbers: ReadonlyMap<string, number> | undefined;

  constructor(refused: readonly RefusedRow[], answers: Answers) {
    this.refused = refused;
    this.#answers = answers;
  }

  get numbers(): ReadonlyMap<string, number> {
    const [commits] = this.#answers.first;
    this.#numbers ??= new Map(Object.entries(JSON.parse(commits ?? '{}') as Record<string, number>));
    return this.#numbers;
  }

  get horizons(): ReadonlyMap<string, Horizon> {
    return new Map([...horizonsOf(this.#answers.first[1]), ...horizonsOf(this.#answers.raised)]);
  }

  get expired(): readonly ExpiredRow[] {
    const rows = this.#answers.expired.flatMap((json) => JSON.parse(json) as [documentId: string, path: string][]);
    return rows.map(([documentId, path]) => ({ documentId, path }));
  }

  /** The same, with more rows that were refused. */
  without(refused: readonly RefusedRow[]): Written {
    return new Written([...refused, ...this.refused], this.#answers);
  }
}

async function writeOrLeaveOut(connections: Lender, plan: Plan): Promise<Written> {
  try {
    return new Written([], await connections.use((connection) => writeAll(connection, plan)));
  } catch (error) {
    if (databaseError(error).remedy !== 'leave out the row') throw error;
    return connections.use((connection) => writeRest(connection, plan));
  }
}

async function writeAll(connection: Connection, { documents, statements, purges }: Plan): Promise<Answers> {
  const [first = nothing, ...more] = statements;
  // A statement is a transaction by itself: one round trip.
  if (more.length === 0 && purges.length === 0) return writeDocuments(connection, documents, first);
  return inTransaction(connection, async () => {
    const answers = await writeDocuments(connection, documents, first);
    for (const rows of more) await writeRows(connection, rows, answers.expired);
    answers.raised = await purge(connection, purges);
    return answers;
  });
}

/** The first statement of a commit. */
async function writeDocuments(
  connection: Connection,
  documents: ReadonlyMap<string, number>,
  rows: Rows,
): Promise<Answers> {
  const [written] = await connection.query(writeStatement(documents, rows, true));
  const first = written as unknown as WrittenRow;
  return { first, raised: null, expired: first[2] === null ? [] : [first[2]] };
}

/** Another statement. @param expired Takes the rows that were lost to a horizon, as JSON. */
async function writeRows(connection: Connection, rows: Rows, expired: string[]): Promise<void> {
  // Its documents have their numbers and stamps.
  const documentIds = [...rows.fields, ...rows.texts].map(({ documentId }) => documentId);
  const documents = new Map(documentIds.map((documentId) => [documentId, 0]));
  const [written] = await connection.query(writeStatement(documents, rows, false));
  const [, , lost] = written as unknown as WrittenRow;
  if (lost !== null) expired.push(lost);
}

/** @returns The horizons, as JSON; null if there are none. */
async function purge(connection: Connection, purges: readonly PlannedPurge[]): Promise<string | null> {
  if (purges.length === 0) return null;
  const [raised] = await connection.query(purgeStatement(purges));
  return (raised?.[0] ?? null) as string | null;
}

const nothing: Rows = { fields: [], texts: [] };

/** Writes the rows that the database accepts, and finds the others by bisection. */
async function writeRest(connection: Connection, { documents, statements, purges }: Plan): Promise<Written> {
  return inTransaction(connection, async () => {
    const refused: RefusedRow[] = [];
    const answers = await writeDocuments(connection, documents, nothing);
    for (const rows of statements) await writeHalves(connection, rows, refused, answers.expired);
    answers.raised = await purge(connection, purges);
    return new Written(refused, answers);
  });
}

async function writeHalves(
  connection: Connection,
  rows: Rows,
  refused: RefusedRow[],
  expired: string[],
): Promise<void> {
  const failure = await attempt(connection, rows, expired);
  if (failure === undefined) return;
  const count = rows.fields.length + rows.texts.length;
  if (count === 1) {
    const [field] = rows.fields;
    const documentId = field?.documentId ?? rows.texts[0]?.documentId ?? '';
    refused.push({ documentId, path: field?.row.path, reason: failure.message });
    return;
  }
  const half = Math.ceil(count / 2);
  const { length } = rows.fields;
  await writeHalves(
    connection,
    { fields: rows.fields.slice(0, half), texts: rows.texts.slice(0, Math.max(0, half - length)) },
    refused,
    expired,
  );
  await writeHalves(
    connection,
    { fields: rows.fields.slice(half), texts: rows.texts.slice(Math.max(0, half - length)) },
    refused,
    expired,
  );
}

/** Writes all rows, or none of them and returns the reason. */
async function attempt(connection: Connection, rows: Rows, expired: string[]): Promise<DatabaseError | undefined> {
  await connection.query('SAVEPOINT attempt');
  try {
    await writeRows(connection, rows, expired);
  } catch (error) {
    const failure = databaseError(error);
    if (failure.remedy !== 'leave out the row') throw failure;
    await connection.query('ROLLBACK TO SAVEPOINT attempt');
    return failure;
  }
  await connection.query('RELEASE SAVEPOINT attempt');
  return undefined;
}

/** When the action throws, the lender closes the connection, and the transaction ends with it. */
async function inTransaction<Result>(connection: Connection, action: () => Promise<Result>): Promise<Result> {
  await connection.query('BEGIN');
  const result = await action();
  await connection.query('COMMIT');
  return result;
}
