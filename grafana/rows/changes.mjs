/** The row about what other systems are told: the feed of changes. */
import { lines, rate, series } from '../panels.mjs';

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
      'Entries removed from the feed',
      'ops',
      'Because of their age or number: readers that are further behind must begin anew.',
      [{ expr: rate('synckit_changes_pruned_total', 'instance'), legend: '{{instance}}' }],
    ),
  ],
};
