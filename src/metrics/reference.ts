import type { MetricSpec } from './spec.js';
import { metrics } from './table.js';

/** The text of docs/metrics.md. */
export function metricsReference(): string {
  return `${introduction}\n\n${Object.values<MetricSpec>(metrics).map(entry).join('\n\n')}\n`;
}

const introduction = `# Metrics

<!-- Generated from src/metrics/table.ts by \`npm run docs\`. Do not edit. -->

\`GET /metrics\` answers in the format of Prometheus. Several processes of one host share \`PORT\`, so each also answers on
\`METRICS_PORT\` plus its instance number, and Prometheus should scrape these. With \`METRICS_TOKEN\` both want it as
\`Authorization: Bearer …\`.

All counters begin at 0 when the process starts. Buckets are the same in every process, so quantiles may be taken of
their sums: \`histogram_quantile(0.99, sum by (le) (rate(synckit_ack_latency_seconds_bucket[1m])))\`.

Besides those below there are \`synckit_build_info {version, node}\` and what prom-client collects of every Node process:
\`process_cpu_seconds_total\`, \`process_resident_memory_bytes\`, \`nodejs_eventloop_lag_p99_seconds\` (of the acceptor's
thread), \`nodejs_gc_duration_seconds\` and more.`;

const owners: Readonly<Record<MetricSpec['owner'], string>> = {
  acceptor: 'the acceptor',
  shard: 'the shards, added up',
  both: 'the acceptor and the shards, added up',
  node: 'the process, read when it is scraped',
};

function entry(spec: MetricSpec): string {
  const facts = [`type: ${spec.type}`, `counted by: ${owners[spec.owner]}`];
  const unit = unitOf(spec.name);
  if (unit !== undefined) facts.push(`unit: ${unit}`);
  for (const [label, values] of Object.entries(spec.labels ?? {})) {
    facts.push(`label \`${label}\`: ${values.map((value) => `\`${value}\``).join(', ')}`);
  }
  if (spec.buckets !== undefined) facts.push(`buckets up to: ${spec.buckets.join(', ')}`);
  return `### \`${spec.name}\`\n\n${spec.help}\n\n${facts.map((fact) => `- ${fact}`).join('\n')}`;
}

/** Names end in their base unit, counters in `_total` after it. */
function unitOf(name: string): string | undefined {
  return /_(seconds|bytes)(?:_total)?$/.exec(name)?.[1];
}
