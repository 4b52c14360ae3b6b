/** A text for tests that is a set of numbers: each part holds some of them, the join is their union. */

import { newPartId } from '../../src/storage/update-id.js';
import type { TextUpdate } from '../../src/storage/port.js';

export function partOf(numbers: Iterable<number>): TextUpdate {
  return { id: newPartId(Date.now()), bytes: new Uint8Array(Uint32Array.from(numbers).buffer) };
}

export function join(parts: readonly TextUpdate[]): Set<number> {
  return new Set(parts.flatMap(({ bytes }) => [...new Uint32Array(bytes.slice().buffer)]));
}
