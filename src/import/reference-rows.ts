/** Converts the data of the reference server to rows of this one. */

import { createHash } from 'node:crypto';
import type { FieldRow, TextUpdate } from '../storage/port.js';
import type { Values } from './reference-state.js';

/** The writer of everything that was imported. */
export const importedBy = 'reference';

/** The values of a document as rows, and those that can't be rows. */
export interface ReadFields {
  readonly fields: readonly FieldRow[];
  readonly refused: readonly { readonly path: string; readonly reason: string }[];
}

const tombstone = '{"__deleted":true}';
/** The most that SYNC_MAX_VALUE_DEPTH may be. */
const maxDepth = 2_000;
/** Ticks of a stamp, which follows the wall clock: no client reaches a larger count by writing. */
const ticksPerMs = 1024;

/**
 * Each value as a field. Its time is 0 and not the one of the document's last change: the reference server orders writes
 * by when they arrive, so whatever a client writes after the move must win, however slow its clock is. The counter is
 * the document's version, so that a second import adds what was written in between.
 *
 * The stamps ascend from the largest entry of the vector clock: clients take a value only with a clock above the one
 * they have, and one that got only a part of the fields must not seem to have got all.
 */
export function rowsOf(values: Values, version: string | null, largestClock: number | undefined): ReadFields {
  const counter = countOf(version);
  let stamp = firstStamp(largestClock);
  const fields: FieldRow[] = [];
  const refused: { path: string; reason: string }[] = [];
  for (const [path, { json, depth, removal: deleted }] of values) {
    if (depth > maxDepth) {
      refused.push({ path, reason: 'the value is nested too deeply' });
      continue;
    }
    const value = deleted ? tombstone : json;
    fields.push({ path, value, deleted, timestamp: 0, counter, clientId: importedBy, stamp: stamp++ });
  }
  return { fields, refused };
}

/** The stamp for what is imported first into a document. */
export function firstStamp(largestClock = 0): number {
  return Math.min(Math.max(0, Math.floor(largestClock)), Date.now() * ticksPerMs) + 1;
}

/** The update of an imported text. Its id is a hash, so importing the same text again adds nothing. */
export function updateOf(bytes: Uint8Array): TextUpdate {
  const hash = createHash('sha256').update(bytes).digest('hex');
  return { id: `000000000000${hash.slice(0, 20)}`, bytes };
}

/** A version is a count, or a vector clock whose largest entry serves as one; what no row could hold is the largest there is. */
function countOf(version: string | null): number {
  const parsed = parse(version);
  const counts = isObject(parsed) ? Object.values(parsed) : [parsed];
  const largest = counts.reduce<number>((most, count) => (typeof count === 'number' && count > most ? count : most), 0);
  return Math.min(Math.floor(largest), Number.MAX_SAFE_INTEGER);
}

function parse(json: string | null): unknown {
  try {
    return json === null ? undefined : JSON.parse(json);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
