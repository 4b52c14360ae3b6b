/** The row about what other systems are told: the feed of changes, and the webhook. */
import { lines, quantiles, rate, series } from '../panels.mjs';

export const changesRow = {
  title: 'Changes for other systems',
  panels: [
    lines(
      'Requests that wait for changes',
      'short',
      'Readers of the feed that have seen all and wait for what comes. CHANGES_MAX_WAITING at most.',
      [{ expr: series('synckit_changes_waiting'), legend: '{{instance}}' }],
    ),
    lines(
      'Webhook: oldest event',
      's',
      'Age of the oldest event that the receiver was not told of. WEBHOOK_MAX_WAIT_MS is normal; more and more: it fails, or is too slow.',
      [{ expr: series('synckit_webhook_oldest_age_seconds'), legend: '{{instance}}' }],
    ),
    lines(
      'Webhook: deliveries',
      'ops',
      'Calls that were answered with 2xx and calls that failed, and events that were given up after WEBHOOK_MAX_ATTEMPTS.',
      [{ expr: rate('synckit_webhook_deliveries_total', 'result'), legend: '{{result}}' }],
    ),
    lines('Webhook: time of a call', 's', 'Until the answer has come, or the call has failed.', [
      ...quantiles('synckit_webhook_latency_seconds'),
    ]),
    lines(
      'Webhook: events not delivered',
      'short',
      'Those that wait for quiet or their turn, those that have failed and are tried again, and those that were given up.',
      [
        { expr: `sum by (state) (${series('synckit_webhook_pending')})`, legend: '{{state}}' },
        { expr: `sum(${series('synckit_webhook_dead')})`, legend: 'given up' },
      ],
    ),
    lines(
      'Entries removed from the feed',
      'ops',
      'Because of their age or number: readers that are further behind must begin anew.',
      [{ expr: rate('synckit_changes_pruned_total', 'instance'), legend: '{{instance}}' }],
    ),
  ],
};
