import type { FieldsStore, FieldWrite } from '@synckit/core-wasm';
import { isBelow } from '../../storage/horizon.js';
import type { LoadedDocument } from '../documents/documents.js';

/**
 * Sets a field by a client's write, as the core does, but for an absent field of a document whose tombstones were purged
 * (TMB3): at or below the horizon the write loses, since the field may have been removed after it; unless its writer has
 * seen all that was purged, and comes after it whatever the clock of the device says. It is dated just above the horizon
 * then, which is the same on every node.
 *
 * @param seen The largest stamp that the writer has seen, as far as it is believed; 0 if it is not known.
 * @returns The write as it was taken, or undefined when it lost.
 */
export function setField(
  core: Pick<FieldsStore, 'get' | 'set'>,
  { handle, horizon }: Pick<LoadedDocument, 'handle' | 'horizon'>,
  write: FieldWrite,
  seen: number,
): FieldWrite | undefined {
  let taken = write;
  if (horizon !== undefined && isBelow(write, horizon) && core.get(handle, write.path) === undefined) {
    if (seen < horizon.stamp) return undefined;
    taken = { ...write, timestamp: horizon.timestamp + 1 };
  }
  return core.set(handle, taken) ? taken : undefined;
}
