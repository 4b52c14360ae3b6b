/** Whether the load made everything happen that the metrics count. */

/** What no load from outside can bring about. It must stay 0 during the check. */
const notProvoked = [
  { name: 'synckit_shard_restarts_total', why: 'a worker thread would have to be killed' },
  { name: 'synckit_document_load_failures_total', why: 'what is on disk would have to be damaged' },
  // The check runs without a Redis.
  ...['published', 'dropped', 'omitted', 'received', 'gaps', 'resyncs', 'malformed'].map((part) => {
    return { name: `synckit_bus_${part}_total`, why: 'there would have to be other nodes' };
  }),
  { name: 'synckit_cluster_announce_failures_total', why: 'there would have to be a Redis that fails' },
  { name: 'synckit_cluster_malformed_entries_total', why: 'there would have to be other nodes' },
  ...[
    'awareness_messages_published_total',
    'awareness_messages_received_total',
    'awareness_messages_dropped_total',
    'remote_awareness_states',
  ].map((part) => ({ name: `synckit_${part}`, why: 'there would have to be other nodes' })),
  { name: 'synckit_bus_lag_seconds', why: 'there would have to be other nodes' },
  { name: 'synckit_stale_documents_total', why: 'there would have to be other nodes' },
  { name: 'synckit_errors_total', labels: { code: 'INTERNAL' }, why: 'the server would have to have a bug' },
];

/** The metrics that the load leaves out. */
export const notProvokedNames = notProvoked.map(({ name }) => name);

/** Whether a query asks only for what is not provoked, so that 0 is the right answer. */
export function asksForNothing(query) {
  return notProvoked.some(({ name, labels = {} }) => {
    const values = Object.values(labels);
    return query.includes(name) && values.every((value) => query.includes(`"${value}"`));
  });
}

/**
 * Looks at every metric of the table, with each of its label values: over the time of the check, each must have been
 * counted.
 *
 * @param specs Of src/metrics/table.ts.
 * @param labelSets Of src/metrics/spec.ts.
 * @returns Sentences about what was not seen.
 */
export async function findUncounted(prometheus, specs, labelSets, time) {
  const problems = [];
  for (const spec of specs) {
    const name = spec.type === 'histogram' ? `${spec.name}_count` : spec.name;
    const seen = await prometheus.range(`${name}{job="synckit"}`, time);
    for (const labels of labelSets(spec)) {
      const wanted = Object.entries(labels);
      const values = seen
        .filter((series) => wanted.every(([label, value]) => series.labels[label] === value))
        .flatMap((series) => series.values);
      const called = wanted.length === 0 ? name : `${name}${JSON.stringify(labels)}`;
      const excuse = notProvoked.find((entry) => isOf(entry, spec.name, wanted));
      const counted = values.some((value) => value > 0);
      if (values.length === 0) problems.push(`${called} was never scraped`);
      else if (excuse === undefined && !counted) problems.push(`${called} was 0 all the time`);
      else if (excuse !== undefined && counted) problems.push(`${called} was counted, but ${excuse.why}`);
    }
  }
  return problems;
}

function isOf({ name, labels = {} }, metric, wanted) {
  return (
    name === metric &&
    Object.entries(labels).every(([k, v]) => wanted.some(([label, value]) => label === k && value === v))
  );
}
