/** A text for tests that is a set of numbers: each update holds some of them, the join is their union. */

import { newUpdateId } from '../../src/storage/update-id.js';
import type { TextUpdate } from '../../src/storage/port.js';

export function updateOf(numbers: Iterable<number>): TextUpdate {
  return { id: newUpdateId(Date.now()), bytes: new Uint8Array(Uint32Array.from(numbers).buffer) };
}

export function join(updates: readonly TextUpdate[]): Set<number> {
  return new Set(updates.flatMap(({ bytes }) => [...new Uint32Array(bytes.slice().buffer)]));
}
