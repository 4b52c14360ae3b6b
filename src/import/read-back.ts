/** Compares what an import has written with what the storage holds. */

import { compareRows } from '../storage/order.js';
import type { Committed, DocumentChange, FieldRow, RefusedRow, Storage, StoredDocument } from '../storage/port.js';
import type { TextReader } from './reference-text.js';

/**
 * Loads the documents of a commit and names what is missing in them. A greater row in the place of an imported one is
 * right: a client of this server wrote it.
 *
 * @returns For each document that is not whole, what it lacks. Rows that the storage refused are not named again.
 */
export async function readBack(
  storage: Storage,
  changes: readonly DocumentChange[],
  committed: Committed,
  texts: Pick<TextReader, 'contains'>,
): Promise<RefusedRow[]> {
  const left = new Set([...committed.refused, ...(committed.expired ?? [])].map(nameOf));
  const missing: RefusedRow[] = [];
  for (const change of changes) {
    const { documentId } = change;
    const [stored] = await storage.load([documentId]);
    for (const path of stored === undefined ? [] : missingFields(change, stored)) {
      if (!left.has(nameOf({ documentId, path }))) missing.push({ documentId, path, reason: notStored });
    }
    if (!left.has(nameOf({ documentId, path: undefined })) && (stored === undefined || !hasText(change, stored, texts)))
      missing.push({ documentId, path: undefined, reason: notStored });
  }
  return missing;
}

const notStored = 'it is not stored as it was read';

function missingFields({ fields }: DocumentChange, stored: StoredDocument): string[] {
  const byPath = new Map<string, FieldRow>(stored.fields.map((row) => [row.path, row]));
  return fields
    .filter((row) => {
      const found = byPath.get(row.path);
      return found === undefined || compareRows(found, row) < 0;
    })
    .map(({ path }) => path);
}

function hasText({ text }: DocumentChange, stored: StoredDocument, texts: Pick<TextReader, 'contains'>): boolean {
  return text === undefined || text.append.every((update) => texts.contains(stored.text, update));
}

function nameOf({ documentId, path }: { readonly documentId: string; readonly path: string | undefined }): string {
  return JSON.stringify([documentId, path]);
}
