/** The metrics of the feed of changes. */
import type { MetricSpec } from './spec.js';

export const changesMetrics = {
  changesPruned: {
    name: 'synckit_changes_pruned_total',
    type: 'counter',
    owner: 'acceptor',
    help: 'Entries that this process has removed from the feed of changes: CHANGES_MAX_AGE_MS, CHANGES_MAX_ENTRIES.',
  },
  changesWaiting: {
    name: 'synckit_changes_waiting',
    type: 'gauge',
    owner: 'node',
    help: 'Requests that wait for a change. CHANGES_MAX_WAITING at most.',
  },
} as const satisfies Record<string, MetricSpec>;
