/** The metrics of the feed of changes. */
import { latencies } from './buckets.js';
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
  webhookDeliveries: {
    name: 'synckit_webhook_deliveries_total',
    type: 'counter',
    owner: 'acceptor',
    labels: { result: ['delivered', 'failed', 'dead', 'dropped'] },
    help: 'Calls to WEBHOOK_URL of this process that were answered with 2xx, and those that failed; events that were given up after WEBHOOK_MAX_ATTEMPTS; and events about users that were not told, as the receiver failed or too many waited.',
  },
  webhookLatency: {
    name: 'synckit_webhook_latency_seconds',
    type: 'histogram',
    owner: 'acceptor',
    help: 'Time of a call to WEBHOOK_URL, until its answer has come or it has failed. At most 1 000 a second are measured.',
    buckets: latencies,
  },
  webhookPending: {
    name: 'synckit_webhook_pending',
    type: 'gauge',
    owner: 'node',
    labels: { state: ['waiting', 'failing'] },
    help: 'Events that the process that delivers has read and not delivered: those that wait for quiet or their turn, and those that have failed and are tried again. Together WEBHOOK_MAX_PENDING at most.',
  },
  webhookOldest: {
    name: 'synckit_webhook_oldest_age_seconds',
    type: 'gauge',
    owner: 'node',
    help: 'Age of the oldest event that is not delivered, in the process that delivers; 0 when there is none. WEBHOOK_MAX_WAIT_MS is normal.',
  },
  webhookDead: {
    name: 'synckit_webhook_dead',
    type: 'gauge',
    owner: 'node',
    help: 'Events that were given up and are kept, as the process that delivers knows. WEBHOOK_MAX_DEAD at most.',
  },
} as const satisfies Record<string, MetricSpec>;
