/** The statements of a commit, and what they answer. */

import type { Horizon } from '../../horizon.js';
import type { Committed, ExpiredRow, Recorded, RefusedRow } from '../../port.js';
import type { Connection } from '../connection/connection.js';
import type { Rows } from './plan.js';
import { horizonsOf, purgeStatement, type PlannedPurge } from '../purge.js';
import { writeStatement, type WrittenRow } from '../statements.js';

/** What the statements of a commit returned. */
export interface Answers {
  /** Of the first one. */
  first: WrittenRow;
  /** Of the purge: JSON, document id → horizon. */
  raised: string | null;
  /** JSON, rows that were lost to a horizon, of all statements that had any. */
  readonly expired: string[];
  /** Of all statements that added to histories. */
  readonly recorded: Recorded[];
}

/** Parses on demand: few documents have a horizon. */
export class Written implements Committed {
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

  get recorded(): Recorded | undefined {
    const { recorded } = this.#answers;
    if (recorded.length === 0) return undefined;
    return recorded.reduce((a, b) => ({ entries: a.entries + b.entries, bytes: a.bytes + b.bytes }));
  }

  /** The same, with more rows that were refused. */
  without(refused: readonly RefusedRow[]): Written {
    return new Written([...refused, ...this.refused], this.#answers);
  }
}

/** The first statement of a commit. */
export async function writeDocuments(
  connection: Connection,
  documents: ReadonlyMap<string, number>,
  rows: Rows,
): Promise<Answers> {
  const [written] = await connection.query(writeStatement(documents, rows, true));
  const first = written as unknown as WrittenRow;
  return { first, raised: null, expired: first[2] === null ? [] : [first[2]], recorded: recordedIn(first) };
}

/** What another statement answers: the rows that were lost to a horizon, as JSON texts, and what was added to histories. */
export type More = Pick<Answers, 'expired' | 'recorded'>;

export async function writeRows(connection: Connection, rows: Rows): Promise<More> {
  // Its documents have their numbers and stamps.
  const documentIds = [...rows.fields, ...rows.texts].map(({ documentId }) => documentId);
  const documents = new Map(documentIds.map((documentId) => [documentId, 0]));
  const [written] = await connection.query(writeStatement(documents, rows, false));
  const row = written as unknown as WrittenRow;
  return { expired: row[2] === null ? [] : [row[2]], recorded: recordedIn(row) };
}

export function addTo(answers: Answers, { expired, recorded }: More): void {
  answers.expired.push(...expired);
  answers.recorded.push(...recorded);
}

function recordedIn([, , , recorded]: WrittenRow): Recorded[] {
  if (recorded === undefined || recorded === null) return [];
  const [entries, bytes] = JSON.parse(recorded) as [entries: number, bytes: number];
  return [{ entries, bytes }];
}

/** The last statement of a commit. @returns The horizons, as JSON; null if there are none. */
export async function purge(connection: Connection, purges: readonly PlannedPurge[]): Promise<string | null> {
  if (purges.length === 0) return null;
  const [raised] = await connection.query(purgeStatement(purges));
  return (raised?.[0] ?? null) as string | null;
}

export const nothing: Rows = { fields: [], texts: [] };
