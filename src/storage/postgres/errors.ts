/**
 * What the database's errors mean. They are never passed on as they come: their details contain parts of values, or the
 * password of an invalid address.
 */

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

const sqlState = /^[0-9A-Z]{5}$/;

/** Data exceptions, violated constraints, and limits of the database such as the size of an array. */
const rowFaults = /^(22|23|54)/;

/** Serialization failure and deadlock. */
const conflicts = ['40001', '40P01'];

/** Any error of `pg` as one whose message contains neither payload nor credentials. */
export function databaseError(error: unknown): DatabaseError {
  if (error instanceof DatabaseError) return error;
  const { code, message } = describe(error);
  if (code === undefined || !sqlState.test(code)) return new DatabaseError(message, code, 'wait');
  // Their messages quote values.
  if (rowFaults.test(code)) return new DatabaseError(reasonOf(code), code, 'leave out the row');
  return new DatabaseError(`${message} (SQLSTATE ${code})`, code, conflicts.includes(code) ? 'repeat' : 'wait');
}

/** Why a row is refused, for its client. */
function reasonOf(code: string): string {
  switch (code) {
    case '22003':
      return 'a number is too large for the database';
    case '22P05':
    case '22P02':
      return 'the database cannot represent a character of the value';
    case '54000':
    case '54001':
      return 'the value is too large or too deeply nested for the database';
    default:
      return `the database refuses the row (SQLSTATE ${code})`;
  }
}

function describe(error: unknown): { code: string | undefined; message: string } {
  if (!(error instanceof Error)) return { code: undefined, message: 'the database failed' };
  const code = (error as { code?: unknown }).code;
  if (code === 'ERR_INVALID_URL') return { code, message: 'DATABASE_URL is not a valid address' };
  // A host name with several addresses: each has an error of its own, and the aggregate has no message.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  const message = first instanceof Error ? first.message : error.message;
  return { code: typeof code === 'string' ? code : undefined, message };
}
