/** The metrics of what documents were. */
import type { MetricSpec } from './spec.js';

export const historyMetrics = {
  historyEntries: {
    name: 'synckit_history_entries_total',
    type: 'counter',
    owner: 'shard',
    help: 'Entries that commits have added to histories of documents (HISTORY_PREFIXES).',
  },
  historyBytes: {
    name: 'synckit_history_bytes_total',
    type: 'counter',
    owner: 'shard',
    help: 'Bytes of values and texts that commits have added to histories.',
  },
  historyPruned: {
    name: 'synckit_history_pruned_total',
    type: 'counter',
    owner: 'acceptor',
    help: 'Entries of histories that this process has dropped, because of HISTORY_MAX_AGE or HISTORY_MAX_ENTRIES.',
  },
  historyFailures: {
    name: 'synckit_history_failures_total',
    type: 'counter',
    owner: 'acceptor',
    help: 'Failed attempts to drop old entries of histories. They are repeated.',
  },
  rollbacks: {
    name: 'synckit_rollbacks_total',
    type: 'counter',
    owner: 'acceptor',
    help: 'Rollbacks of documents that are durable.',
  },
} as const satisfies Record<string, MetricSpec>;
