import type { FieldWrite } from '@synckit/core-wasm';
import { DELETED_VALUE } from '../../protocol/operations.js';

/** What clients are sent of a field of which nothing is kept, not even who removed it. @param stamp A fresh L. */
export function removedField(path: string, stamp: number): FieldWrite {
  return { path, value: DELETED_VALUE, deleted: true, timestamp: 0, counter: 0, clientId: 'server', stamp };
}
