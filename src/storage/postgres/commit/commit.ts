/** Commits to the database: in one transaction, repeated after conflicts, without the rows that it refuses. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Committed } from '../../port.js';
import { addTo, nothing, purge, writeDocuments, writeRows, Written, type Answers } from './answers.js';
import { writeAccepted } from './bisection.js';
import type { Connection, Lender } from '../connection/connection.js';
import { databaseError } from '../errors.js';
import type { Plan } from './plan.js';

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

async function writeOrLeaveOut(connections: Lender, plan: Plan): Promise<Written> {
  try {
    return new Written([], await connections.use((connection) => writeAll(connection, plan)));
  } catch (error) {
    if (databaseError(error).remedy !== 'leave out the row') throw error;
    return connections.use((connection) => inTransaction(connection, () => writeAccepted(connection, plan)));
  }
}

async function writeAll(connection: Connection, { documents, statements, purges }: Plan): Promise<Answers> {
  const [first = nothing, ...more] = statements;
  // A statement is a transaction by itself: one round trip.
  if (more.length === 0 && purges.length === 0) return writeDocuments(connection, documents, first);
  return inTransaction(connection, async () => {
    const answers = await writeDocuments(connection, documents, first);
    for (const rows of more) addTo(answers, await writeRows(connection, rows));
    answers.raised = await purge(connection, purges);
    return answers;
  });
}

/** When the action throws, the lender closes the connection, and the transaction ends with it. */
async function inTransaction<Result>(connection: Connection, action: () => Promise<Result>): Promise<Result> {
  await connection.query('BEGIN');
  const result = await action();
  await connection.query('COMMIT');
  return result;
}
