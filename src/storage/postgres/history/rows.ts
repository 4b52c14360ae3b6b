/** Entries of histories as the database returns them. */

import type { Author, HistoryEntry } from '../../history/port.js';

/** Integers are numbers, and JSON is text. */
export type EntryRow = readonly [
  commit: number,
  place: number,
  at: number,
  path: string | null,
  before: string | null,
  after: string | null,
  userId: string | null,
  clientId: string | null,
  authors: string | null,
  size: number,
];

export function entryOf([commit, index, at, path, ...rest]: EntryRow): HistoryEntry {
  const [before, after, userId, clientId, authors, bytes] = rest;
  if (path === null) {
    return { kind: 'text', commit, index, at, authors: JSON.parse(authors ?? '[]') as Author[], bytes };
  }
  const author = { userId: userId ?? undefined, clientId: clientId ?? undefined };
  return { kind: 'field', commit, index, at, path, before, after, author };
}
