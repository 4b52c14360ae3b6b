/** A document as the memory adapter keeps it. */

import type { HistoryEntry } from './history/port.js';
import type { FieldRow, Horizon } from './port.js';

export interface MemoryDocument {
  stamp: number;
  commits: number;
  readonly created: number;
  updated: number;
  readonly fields: Map<string, FieldRow>;
  /** Id of an update → its bytes. */
  readonly text: Map<string, Uint8Array>;
  horizon?: Horizon | undefined;
  deletedAt?: number | undefined;
  erasedAt?: number | undefined;
  history?: MemoryHistoryOf;
}

/** The history of one document. */
export interface MemoryHistoryOf {
  keptSince: number;
  /** The last commit whose entries were dropped; of the text, some of them may still be there. */
  pruned: number;
  entries: HistoryEntry[];
  /** By commit. */
  readonly updates: Map<number, Uint8Array>;
  readonly wholes: Map<number, { readonly at: number; readonly updates: readonly Uint8Array[] }>;
  textUpdates: number;
  textBytes: number;
  /** -1 when the text was not kept as a whole. */
  wholeBytes: number;
}
