/** The metrics of the checks of writes by the operator's application. */
import { latencies } from './buckets.js';
import type { MetricSpec } from './spec.js';

export const validationMetrics = {
  validations: {
    name: 'synckit_validations_total',
    type: 'counter',
    owner: 'acceptor',
    labels: { result: ['allowed', 'refused', 'failed', 'skipped', 'busy'] },
    help: 'Writes that VALIDATE_URL was to be asked about, by result. Skipped ones were not sent, because the last ones all failed; busy ones were refused, because VALIDATE_MAX_WAITING others waited.',
  },
  validationTime: {
    name: 'synckit_validation_seconds',
    type: 'histogram',
    owner: 'acceptor',
    buckets: latencies,
    help: 'Time from the receipt of a write until VALIDATE_URL has answered, or has not in time.',
  },
  validationsWaiting: {
    name: 'synckit_validations_waiting',
    type: 'gauge',
    owner: 'node',
    help: 'Writes that VALIDATE_URL is asked about, or that wait for it; at most VALIDATE_MAX_WAITING.',
  },
  validationPaused: {
    name: 'synckit_validation_paused',
    type: 'gauge',
    owner: 'node',
    help: '1 while VALIDATE_URL is left alone, because it failed again and again, else 0.',
  },
} as const satisfies Record<string, MetricSpec>;
