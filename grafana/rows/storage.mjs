/** The row about the storage: commits, and what it does not take. */
import { lines, mean, quantiles, rate, series, states, valueTexts } from '../panels.mjs';

export const storageRow = {
  title: 'Storage',
  panels: [
    lines(
      'Commit time',
      's',
      'Until a commit is on disk. Failed commits are not in it.',
      quantiles('synckit_commit_seconds'),
    ),
    lines('Rows per commit', 'short', 'What comes during a commit is in the next, so commits grow with the load.', [
      ...quantiles('synckit_commit_rows'),
      { expr: mean('synckit_commit_rows'), legend: 'mean' },
    ]),
    lines(
      'Commits and rows',
      'wps',
      'Commits per second, those that failed and are tried again, and rows that were written.',
      [
        { expr: rate('synckit_commit_seconds_count'), legend: 'commits' },
        { expr: rate('synckit_commit_failures_total'), legend: 'failed commits' },
        { expr: rate('synckit_commit_rows_sum'), legend: 'rows' },
      ],
    ),
    lines(
      'Commit queue',
      'bytes',
      'Changes that are merged but not on disk yet, per process. When one shard holds more than SYNCKIT_MAX_PENDING_BYTES it refuses writes with STORAGE_UNAVAILABLE. The line is at half of the default, for one shard.',
      [{ expr: series('synckit_commit_queue_bytes'), legend: '{{instance}}' }],
      { alertAt: 32 * 1024 * 1024 },
    ),
    states(
      'Storage',
      'Failing from a failed commit to the next that succeeds. Meanwhile writes are merged and shown, and their acks wait.',
      [{ expr: series('synckit_storage_healthy'), legend: '{{instance}}' }],
      valueTexts({ 0: ['failing', 'red'], 1: ['healthy', 'green'] }),
    ),
    lines('Commit failures', 'short', 'Commits that failed; they are tried again.', [
      {
        expr: `sum by (instance) (increase(${series('synckit_commit_failures_total')}[$__rate_interval]))`,
        legend: '{{instance}}',
      },
    ]),
    lines(
      'Refused rows',
      'short',
      'Rows that the database does not let in, by a constraint, a trigger or row security; each is undone. And times that a commit took longer than SYNC_PUBLISH_GRACE_MS with SYNC_PUBLISH=durable, so that writes were shown before they were stored.',
      [
        {
          expr: `sum by (instance) (increase(${series('synckit_rows_refused_total')}[$__rate_interval]))`,
          legend: 'refused: {{instance}}',
        },
        {
          expr: `sum by (instance) (increase(${series('synckit_publish_grace_exceeded_total')}[$__rate_interval]))`,
          legend: 'grace exceeded: {{instance}}',
        },
      ],
    ),
  ],
};
