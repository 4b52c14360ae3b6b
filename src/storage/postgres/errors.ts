/**
 * What the database's errors mean. They are never passed on as they come: their details contain parts of values, or the
 * password of an invalid address.
 */

import { reasonErased } from '../limits.js';

/** What to do about a failure of the database. */
export type Remedy =
  /** A row can't be stored; the others can. */
  | 'leave out the row'
  /** A conflict with another transaction; the next try may succeed at once. */
  | 'repeat'
  /** The connection or the database failed; it may be back later. */
  | 'wait';

/** A failure of the database, with a message that may be logged. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError';

  /** @param code SQLSTATE, or the code of a system call; undefined where there is none. */
  constructor(
    message: string,
    readonly code: string | undefined,
    readonly remedy: Remedy,
  ) {
    super(message);
  }
}

/** The database is there, but the server can't use it; waiting does not help. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
}

const sqlState = /^[0-9A-Z]{5}$/;

/** Serialization failure and deadlock. */
const conflicts = ['40001', '40P01'];

/**
 * Connection, authorization, state of the transaction or of the connection's statements, resources, locks that are not
 * free, interventions of an operator and timeouts, errors of the system, snapshots, configuration, foreign servers,
 * faults of the database itself.
 */
const faultsOfDatabase = /^(?:08|25|26|28|2D|3B|3D|40|53|55P03|57|58|72|F0|HV|XX)/;

/** Tables, columns, functions or rights that are not as they should be; in a trigger they may concern one row only. */
const faultsOfSchema = /^(?:0A|0L|0P|34|3F|42|55)/;

/** Where Postgres tells a row that its policies forbid, which has the code of a missing right, from that. */
const policyCheck = 'ExecWithCheckOptions';

/** A line of the context of an error in a function, as a trigger's is. Not translated in any language of Postgres. */
const inFunction = /^(?:PL\/|SQL )|\bPL\/\w+|\bSQL function\b/m;

/** Any error of `pg` as one whose message contains neither payload nor credentials. */
export function databaseError(error: unknown): DatabaseError {
  if (error instanceof DatabaseError) return error;
  const { code, message, isOfRow } = describe(error);
  if (code === undefined || !sqlState.test(code)) return new DatabaseError(message, code, 'wait');
  // Their messages quote values.
  if (isOfRow) return new DatabaseError(reasonOf(code), code, 'leave out the row');
  return new DatabaseError(`${message} (SQLSTATE ${code})`, code, conflicts.includes(code) ? 'repeat' : 'wait');
}

/**
 * Whether the database refuses a row: it violates a constraint or a policy, or can't be represented, or a trigger raises
 * an error. Every code counts so that is not known to mean something else, as triggers may raise any.
 */
function concernsRow(code: string, routine: unknown, context: unknown): boolean {
  if (faultsOfDatabase.test(code)) return false;
  if (!faultsOfSchema.test(code)) return true;
  return (code === '42501' && routine === policyCheck) || (typeof context === 'string' && inFunction.test(context));
}

/** Why a row is refused, for its client. */
function reasonOf(code: string): string {
  switch (code) {
    case '22003':
      return 'a number is too large for the database';
    case '22P05':
    case '22P02':
      return 'the database cannot represent a character of the value';
    case 'SK001':
      return reasonErased;
    case '54000':
    case '54001':
      return 'the value is too large or too deeply nested for the database';
    default:
      return `the database refuses the row (SQLSTATE ${code})`;
  }
}

function describe(error: unknown): { code: string | undefined; message: string; isOfRow: boolean } {
  if (!(error instanceof Error)) return { code: undefined, message: 'the database failed', isOfRow: false };
  const { code, routine, where } = error as { code?: unknown; routine?: unknown; where?: unknown };
  if (code === 'ERR_INVALID_URL') return { code, message: 'DATABASE_URL is not a valid address', isOfRow: false };
  // A host name with several addresses: each has an error of its own, and the aggregate has no message.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  const message = first instanceof Error ? first.message : error.message;
  if (typeof code !== 'string') return { code: undefined, message, isOfRow: false };
  return { code, message, isOfRow: concernsRow(code, routine, where) };
}
