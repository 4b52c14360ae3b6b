/** Rows, changes and expectations for tests of storage. */

import type { DocumentChange, FieldRow, Storage, StoredDocument } from '../../src/storage/port.js';
import type { Random } from './random.js';

/** A plausible row; tests name only what they are about. */
export function row(about: Partial<FieldRow> = {}): FieldRow {
  return {
    path: 'field',
    value: '"value"',
    deleted: false,
    timestamp: 1_700_000_000_000,
    counter: 7,
    clientId: 'client-1',
    stamp: 1_700_000_000_000_000,
    ...about,
  };
}

export function change(documentId: string, fields: readonly FieldRow[], stamp = 1): DocumentChange {
  return { documentId, stamp, fields };
}

/** Documents, their rows sorted by path: a load promises no order. */
export async function documentsOf(storage: Storage, documentIds: readonly string[]): Promise<StoredDocument[]> {
  return (await storage.load(documentIds)).map((document) => ({ ...document, fields: sorted(document.fields) }));
}

/** As `documentsOf`, without the numbers of their commits. */
export async function contentOf(storage: Storage, documentIds: readonly string[]): Promise<object[]> {
  return (await documentsOf(storage, documentIds)).map(({ stamp, fields, text }) => ({ stamp, fields, text }));
}

/** The rows of one document, sorted by path. */
export async function rowsOf(storage: Storage, documentId: string): Promise<FieldRow[]> {
  const [document] = await storage.load([documentId]);
  return sorted(document!.fields);
}

/** Without the numbers of their commits, which depend on what else was committed. */
export function sorted(fields: readonly FieldRow[]): FieldRow[] {
  const rows = fields.map(({ path, value, deleted, timestamp, counter, clientId, stamp }) => ({
    ...{ path, value, deleted, timestamp, counter, clientId, stamp },
  }));
  return rows.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The one row of a document that has one. */
export async function onlyRow(storage: Storage, documentId: string): Promise<FieldRow> {
  const rows = await rowsOf(storage, documentId);
  if (rows.length !== 1) throw new Error(`${documentId} has ${rows.length} rows instead of one`);
  return rows[0]!;
}

/** One write to one document. */
export interface Write {
  readonly documentId: string;
  readonly row: FieldRow;
}

/**
 * Writes to few fields with few different timestamps, counters, clients and values, so that every level of the order
 * has to decide. Writes that are equal in the order are equal in everything.
 */
export function randomWrites(random: Random, count: number): Write[] {
  const clientIds = ['a', 'b', '\ufb00', '\u{1f600}', 'a\u{10000}', 'a\uffff'];
  const values = ['1', '2', '"\ufb00"', '"\u{1f600}"', '{"__deleted":true}'];
  return Array.from({ length: count }, () => {
    const timestamp = 1_700_000_000_000 + random.below(3);
    const counter = random.below(3);
    const value = random.pick(values);
    return {
      documentId: `doc${random.below(4)}`,
      row: {
        path: random.pick(['', 'title', 'title.x', '__proto__', 'ü', '\u{1f600}']),
        value,
        deleted: value === '{"__deleted":true}',
        timestamp,
        counter,
        clientId: random.pick(clientIds),
        stamp: timestamp * 10 + counter,
      },
    };
  });
}

/** Groups writes, in their sequence, into commits of a few documents with at most one row for a path. */
export function commitsOf(random: Random, writes: readonly Write[]): DocumentChange[][] {
  const commits: DocumentChange[][] = [];
  for (let i = 0; i < writes.length;) {
    const size = 1 + random.below(8);
    const documents = new Map<string, Map<string, FieldRow>>();
    for (const { documentId, row } of writes.slice(i, i + size)) {
      const fields = documents.get(documentId) ?? new Map<string, FieldRow>();
      const other = fields.get(row.path);
      if (other === undefined || greater(row, other)) fields.set(row.path, row);
      documents.set(documentId, fields);
    }
    commits.push(
      [...documents].map(([documentId, fields]) => {
        const rows = [...fields.values()];
        return change(documentId, rows, Math.max(...rows.map(({ stamp }) => stamp)));
      }),
    );
    i += size;
  }
  return commits;
}

/** What must be stored after all writes, by document; worked out without the code under test. */
export function expectedRows(writes: readonly Write[]): Map<string, FieldRow[]> {
  const winners = new Map<string, Map<string, FieldRow>>();
  for (const { documentId, row } of writes) {
    const fields = winners.get(documentId) ?? new Map<string, FieldRow>();
    const other = fields.get(row.path);
    if (other === undefined || greater(row, other)) fields.set(row.path, row);
    winners.set(documentId, fields);
  }
  return new Map([...winners].map(([documentId, fields]) => [documentId, sorted([...fields.values()])]));
}

/** The order, written differently from src/storage/order.ts. */
function greater(a: FieldRow, b: FieldRow): boolean {
  const levels = [
    a.timestamp - b.timestamp,
    a.counter - b.counter,
    Buffer.compare(Buffer.from(a.clientId), Buffer.from(b.clientId)),
    Buffer.compare(Buffer.from(a.value), Buffer.from(b.value)),
  ];
  return (levels.find((level) => level !== 0) ?? 0) > 0;
}
