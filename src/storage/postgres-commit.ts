/** How a commit gets into the database: in one transaction, again when others were in the way, without what is refused. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { RefusedRow } from './port.js';
import type { Connection, Connections } from './postgres-connection.js';
import { databaseError, type DatabaseError } from './postgres-errors.js';
import type { Plan, Rows } from './postgres-plan.js';
import { writeStatement } from './postgres-statements.js';

/** Tries before the caller is told; in between, a random part of this many milliseconds for each try so far. */
const maxTries = 10;
const pauseMs = 20;

/**
 * Writes all of a plan and resolves once it is durable, with the rows that were refused.
 *
 * @throws DatabaseError with nothing written. When the connection breaks in the moment of the commit it may be written
 * all the same; to write it again changes nothing.
 */
export async function commit(connections: Connections, plan: Plan): Promise<RefusedRow[]> {
  for (let tries = 1; ; tries++) {
    try {
      return [...plan.refused, ...(await writeOrLeaveOut(connections, plan))];
    } catch (error) {
      const failure = databaseError(error);
      if (failure.remedy !== 'repeat' || tries === maxTries) throw failure;
    }
    await sleep(Math.random() * pauseMs * tries);
  }
}

async function writeOrLeaveOut(connections: Connections, plan: Plan): Promise<RefusedRow[]> {
  try {
    await connections.use((connection) => writeAll(connection, plan));
    return [];
  } catch (error) {
    if (databaseError(error).remedy !== 'leave out the row') throw error;
    return connections.use((connection) => writeRest(connection, plan));
  }
}

async function writeAll(connection: Connection, { documents, statements }: Plan): Promise<void> {
  const [first, ...more] = statements;
  if (first === undefined) return;
  // A statement is a transaction by itself: one round trip.
  if (more.length === 0) {
    await connection.query(writeStatement(documents, first));
    return;
  }
  await inTransaction(connection, async () => {
    await connection.query(writeStatement(documents, first));
    for (const rows of more) await connection.query(writeStatement(none, rows));
  });
}

const none: ReadonlyMap<string, number> = new Map();

/** Writes what the database takes, and finds what it does not take by trying halves. */
async function writeRest(connection: Connection, { documents, statements }: Plan): Promise<RefusedRow[]> {
  const refused: RefusedRow[] = [];
  await inTransaction(connection, async () => {
    await connection.query(writeStatement(documents, { fields: [], texts: [] }));
    for (const rows of statements) await writeHalves(connection, rows, refused);
  });
  return refused;
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

/** Writes rows, or none of them and says why. */
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

/** When the action throws, whoever lent the connection closes it, and the transaction ends with it. */
async function inTransaction(connection: Connection, action: () => Promise<void>): Promise<void> {
  await connection.query('BEGIN');
  await action();
  await connection.query('COMMIT');
}
