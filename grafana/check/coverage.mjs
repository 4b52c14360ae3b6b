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

const of = (why, ...names) => names.map((name) => ({ name: `synckit_${name}`, why }));
const labelled = (why, name, label, ...values) =>
  values.map((value) => ({ name: `synckit_${name}`, labels: { [label]: value }, why }));

/** What the load may or may not bring about: tests of the part show that it is counted. 0 is right, too. */
const leftToTests = [
  ...of('needs a certificate', 'tls_certificate_expires_at_seconds', 'tls_renewals_total'),
  ...of('needs an identity provider', 'jwks_fetches_total'),
  ...of('needs an application that is asked', 'access_calls_total', 'access_answers', 'access_recheck_lag_seconds'),
  ...of('needs an application that is asked', 'validations_total', 'validation_seconds', 'validations_waiting'),
  ...of('needs an application that is asked', 'validation_paused'),
  ...of('needs accounts', 'api_keys', 'revocations', 'password_checks', 'auth_poll_failures_total'),
  ...of('needs accounts', 'audit_rows_dropped_total', 'audit_refusals_skipped_total'),
  ...labelled('needs accounts', 'errors_total', 'code', 'TOKEN_REVOKED', 'ACCESS_ENDED', 'AUTH_UNAVAILABLE'),
  ...labelled('needs accounts', 'authentications_total', 'result', 'revoked', 'unavailable'),
  ...labelled('needs accounts', 'connections_closed_total', 'code', '4401', '4403'),
  ...of('needs a database', 'clock_offset_seconds', 'rows_refused_total', 'impossible_stamps_total'),
  ...of('lasts for less than the time between two scrapes', 'verifications_in_progress', 'held_bytes'),
  ...of('lasts for less than the time between two scrapes', 'outgoing_bytes', 'chunked_bytes', 'read_bytes'),
  ...of('lasts for less than the time between two scrapes', 'http_bytes', 'event_streams'),
  ...of('needs more than a minute', 'tombstones_purged_total', 'writes_expired_total', 'echo_fields_forgotten_total'),
  ...of('needs a commit that is slow and does not fail', 'publish_grace_exceeded_total'),
  ...of('needs a text of megabytes', 'large_texts_total'),
  ...of('lasts for less than the time between two scrapes', 'snapshots_waiting', 'snapshot_memory_bytes'),
  ...labelled('needs a text that can’t be edited', 'text_replacements_total', 'result', 'rewritten'),
  ...labelled('needs writes that change nothing', 'document_snapshots_total', 'result', 'unchanged'),
  ...labelled('needs a storage full of snapshots', 'document_snapshots_total', 'result', 'full', 'failed'),
  ...labelled('needs a storage full of snapshots', 'errors_total', 'code', 'SNAPSHOTS_FULL'),
  ...labelled('needs more than a minute', 'document_snapshots_total', 'result', 'expired'),
  ...labelled('needs more than a minute', 'document_lifecycle_total', 'event', 'expired'),
  ...labelled('needs clients that read at the same time', 'snapshots_total', 'result', 'shared'),
  ...labelled('needs two clients that write one field', 'echoes_total', 'kind', 'sent'),
  ...labelled('has other limits before it', 'connections_closed_total', 'code', '1013'),
  ...labelled('has other limits before it', 'misuse_closes_total', 'reason', 'unauthenticated'),
  ...labelled('has other limits before it', 'limit_rejections_total', 'limit', 'bytes', 'held', 'fanOut', 'streams'),
  ...labelled('does not count loopback', 'connections_rejected_total', 'reason', 'rate', 'sockets', 'origin', 'parts'),
  ...labelled('has other limits before it', 'connections_rejected_total', 'reason', 'unauthenticated'),
  ...labelled('is an answer of HTTP routes alone', 'errors_total', 'code', 'INVALID_REQUEST', 'NOT_FOUND'),
  ...labelled('is an answer of HTTP routes alone', 'errors_total', 'code', 'METHOD_NOT_ALLOWED'),
  ...labelled('is an answer of HTTP routes alone', 'errors_total', 'code', 'UNSUPPORTED_MEDIA_TYPE'),
  ...labelled('is an answer of HTTP routes alone', 'errors_total', 'code', 'IDEMPOTENCY_KEY_REUSED'),
];

/** The metrics that the load leaves out. */
export const notProvokedNames = [...notProvoked, ...leftToTests].map(({ name }) => name);

/** Whether a query asks only for what is not provoked, so that 0 is the right answer. */
export function asksForNothing(query) {
  return [...notProvoked, ...leftToTests].some(({ name, labels = {} }) => {
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
      const mayBeZero = leftToTests.some((entry) => isOf(entry, spec.name, wanted));
      const excuse = notProvoked.find((entry) => isOf(entry, spec.name, wanted));
      const counted = values.some((value) => value > 0);
      if (values.length === 0) problems.push(`${called} was never scraped`);
      else if (excuse === undefined && !mayBeZero && !counted) problems.push(`${called} was 0 all the time`);
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
