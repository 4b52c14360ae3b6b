/** Commits to the database: in one transaction, repeated after conflicts, without the rows that it refuses. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Committed, RefusedRow } from '../port.js';
import type { Connection, Lender } from './connection.js';
import { databaseError, type DatabaseError } from './errors.js';
import type { Plan, Rows } from './plan.js';
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
      return plan.refused.length === 0 ? written : new Written([...plan.refused, ...written.refused], written.counted);
    } catch (error) {
      const failure = databaseError(error);
      if (failure.remedy !== 'repeat' || tries === maxTries) throw failure;
    }
    await sleep(Math.random() * pauseMs * tries);
  }
}

/** Parses the numbers on demand: a single node does not need them. */
class Written implements Committed {
  readonly refused: readonly RefusedRow[];
  /** The numbers as JSON text. */
  readonly counted: string;
  #numbers: ReadonlyMap<string, number> | undefined;

  constructor(refused: readonly RefusedRow[], counted: string) {
    this.refused = refused;
    this.counted = counted;
  }

  get numbers(): ReadonlyMap<string, number> {
    this.#numbers ??= new Map(Object.entries(JSON.parse(this.counted) as Record<string, number>));
    return this.#numbers;
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

async function writeAll(connection: Connection, { documents, statements }: Plan): Promise<string> {
  const [first = nothing, ...more] = statements;
  // A statement is a transaction by itself: one round trip.
  if (more.length === 0) return writeDocuments(connection, documents, first);
  return inTransaction(connection, async () => {
    const numbers = await writeDocuments(connection, documents, first);
    for (const rows of more) await connection.query(writeStatement(none, rows));
    return numbers;
  });
}

/** The first statement of a commit. @returns The numbers of the commit, as JSON text. */
async function writeDocuments(
  connection: Connection,
  documents: ReadonlyMap<string, number>,
  rows: Rows,
): Promise<string> {
  const [written] = await connection.query(writeStatement(documents, rows));
  const [commits] = written as unknown as WrittenRow;
  return commits ?? '{}';
}

const none: ReadonlyMap<string, number> = new Map();
const nothing: Rows = { fields: [], texts: [] };

/** Writes the rows that the database accepts, and finds the others by bisection. */
async function writeRest(connection: Connection, { documents, statements }: Plan): Promise<Written> {
  return inTransaction(connection, async () => {
    const refused: RefusedRow[] = [];
    const counted = await writeDocuments(connection, documents, nothing);
    for (const rows of statements) await writeHalves(connection, rows, refused);
    return new Written(refused, counted);
  });
}

async function writeHalves(connection: Connection, rows: Rows, refused: RefusedRow[]): Promise<void> {
  const failure = await attempt(connection, rows);
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
  );
  await writeHalves(
    connection,
    { fields: rows.fields.slice(half), texts: rows.texts.slice(Math.max(0, half - length)) },
    refused,
  );
}

/** Writes all rows, or none of them and returns the reason. */
async function attempt(connection: Connection, rows: Rows): Promise<DatabaseError | undefined> {
  await connection.query('SAVEPOINT attempt');
  try {
    await connection.query(writeStatement(none, rows));
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
