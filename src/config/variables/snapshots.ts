/** Snapshots of documents, in the configuration table. */
import { integer, size } from '../kinds.js';
import { variable } from '../variable.js';

const maxMs = Number.MAX_SAFE_INTEGER;

export const snapshots = {
  snapshotIntervalMs: variable('SYNCKIT_SNAPSHOT_INTERVAL_MS', integer(0, maxMs), {
    default: '0',
    unit: 'ms',
    meaning:
      'So long after the first write since its last snapshot, a document gets another one by itself. Documents that are not written get none. 0 = never.',
  }),
  snapshotEveryWrites: variable('SYNCKIT_SNAPSHOT_EVERY_WRITES', integer(0), {
    default: '0',
    meaning: 'After so many write messages to this process, a document gets a snapshot too. 0 = never.',
  }),
  snapshotKeep: variable('SYNCKIT_SNAPSHOT_KEEP', integer(1, 10_000), {
    default: '10',
    meaning:
      'Snapshots that a document keeps: so many that were made by request, and so many that were made by themselves. The oldest are removed.',
  }),
  snapshotMaxAgeMs: variable('SYNCKIT_SNAPSHOT_MAX_AGE_MS', integer(0, maxMs), {
    default: '0',
    unit: 'ms',
    meaning:
      'Age at which snapshots that were made by themselves are removed. 0 = never. Those made by request stay until they are removed, or are too many.',
  }),
  maxSnapshotDocumentBytes: variable('SYNCKIT_SNAPSHOT_MAX_DOCUMENT_BYTES', size(1_024), {
    default: '256MiB',
    unit: 'bytes',
    meaning:
      'Most bytes of all snapshots of one document. The oldest are removed, first those that were made by themselves.',
  }),
  maxStoredSnapshotBytes: variable('SYNCKIT_SNAPSHOT_MAX_BYTES', size(1_024), {
    default: '4GiB',
    unit: 'bytes',
    meaning: 'Most bytes of all snapshots in the storage. Beyond it, none is made.',
  }),
  maxSnapshotMemoryBytes: variable('SYNCKIT_SNAPSHOT_MAX_MEMORY_BYTES', size(1_024), {
    default: '128MiB',
    unit: 'bytes',
    meaning:
      'Most bytes of snapshots that are being stored, read or restored by this process. Further requests are refused; one is always answered.',
  }),
  maxSnapshotWaiting: variable('SYNCKIT_SNAPSHOT_MAX_WAITING', integer(1), {
    default: '100000',
    meaning:
      'Changed documents of which this process remembers that they are to get a snapshot by themselves. Beyond it, others get none until there is room.',
  }),
};
