import { mergeHorizons, type Horizon } from '../horizon.js';

export interface ErasedDocument {
  /** When the erasure was asked for, in ms since the epoch. */
  readonly at: number;
  /** As in `Erasure`. */
  readonly stamp: number;
  /** The greatest timestamp among its fields, in ms since the epoch; 0 without any. */
  readonly last: number;
  /** Its stamp and its horizon as they are stored. */
  readonly storedStamp: number;
  readonly before: Horizon | undefined;
}

/** The horizon of a document whose fields are all erased: everything that was written before `at` is at or below it. */
export function eraseHorizon({ at, stamp, last, storedStamp, before }: ErasedDocument): Horizon {
  const horizon: Horizon = {
    timestamp: Math.max(at, last),
    // No write of the same millisecond comes after it.
    counter: Number.MAX_SAFE_INTEGER,
    clientId: '',
    stamp: Math.max(stamp, storedStamp),
  };
  return mergeHorizons(before, horizon) ?? horizon;
}
