/** The metrics of the snapshots of documents. */
import type { MetricSpec } from './spec.js';

export const snapshotMetrics = {
  snapshotEvents: {
    name: 'synckit_document_snapshots_total',
    type: 'counter',
    owner: 'acceptor',
    labels: { result: ['created', 'automatic', 'unchanged', 'full', 'restored', 'removed', 'expired', 'failed'] },
    help: 'Snapshots of documents: made by request or by themselves; not made, as nothing had changed, there was no room, or it failed; restored; removed by request, or because of their age.',
  },
  snapshotsWaiting: {
    name: 'synckit_snapshots_waiting',
    type: 'gauge',
    owner: 'node',
    help: 'Changed documents that are to get a snapshot by themselves. SYNCKIT_SNAPSHOT_MAX_WAITING at most.',
  },
  snapshotBytes: {
    name: 'synckit_snapshot_memory_bytes',
    type: 'gauge',
    owner: 'node',
    help: 'Bytes of snapshots that are being stored, read or restored. SYNCKIT_SNAPSHOT_MAX_MEMORY_BYTES at most.',
  },
} as const satisfies Record<string, MetricSpec>;
