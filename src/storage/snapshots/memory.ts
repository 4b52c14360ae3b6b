/** Snapshots in memory: for tests and throw-away nodes. */
import { MemoryStore } from '../accounts/memory.js';
import { KeyValueSnapshots } from './key-value.js';
import type { SnapshotStore } from './port.js';

export function openMemorySnapshots(): SnapshotStore {
  return new KeyValueSnapshots(new MemoryStore());
}
