/** Changes with history, and what is read of it, for tests of storage. */

import type { DocumentChange, FieldRow, Storage, TextUpdate } from '../../src/storage/port.js';
import { change, row } from './storage-rows.js';

export const ann = { userId: 'ann', clientId: 'client-1' };

export const all = { limit: 1_000, maxBytes: 1e9 };

export function recorded(documentId: string, fields: readonly FieldRow[]): DocumentChange {
  return { ...change(documentId, fields), replaced: [] };
}

export function gone(about: Partial<FieldRow> = {}): FieldRow {
  return row({ value: '{"__deleted":true}', deleted: true, ...about });
}

/** An update whose bytes name those that it is joined of. */
export function joined(number: number, of: readonly number[], length = 1): TextUpdate {
  const bytes = new Uint8Array(Math.max(of.length, length)).fill(of[0]!);
  bytes.set(of);
  return { id: number.toString(16).padStart(32, '0'), bytes };
}

export function update(number: number, length: number): TextUpdate {
  return joined(number, [number], length);
}

export function typed(documentId: string, append: readonly TextUpdate[], about: object): DocumentChange {
  return { ...recorded(documentId, []), text: { append, replaces: [], ...about } };
}

export function typedPlainly(documentId: string, append: readonly TextUpdate[]): DocumentChange {
  return { ...change(documentId, []), text: { append, replaces: [] } };
}

export async function past(storage: Storage, at: number): Promise<{ readonly fields: string; readonly text: string }> {
  const { fields, text } = await storage.history.at('doc', at);
  const numbers = new Set(text.flatMap((bytes) => [...new Set(bytes)]));
  return { fields: contentOf(fields), text: [...numbers].sort().join() };
}

export function contentOf(fields: ReadonlyMap<string, string>): string {
  const entries = [...fields].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, value]) => `"${path}":${value}`);
  return `{${entries.join()}}`;
}
