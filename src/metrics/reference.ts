import type { MetricSpec } from './spec.js';
import { metrics } from './table.js';

/** The text of docs/metrics.md. */
export function metricsReference(): string {
  return `${introduction}\n\n${Object.values<MetricSpec>(metrics).map(entry).join('\n\n')}\n`;
}

const introduction = `# Metrics

<!-- Generated from src/metrics/table.ts by \`npm run docs\`. Do not edit. -->

\`GET /metrics\` answers in the format of Prometheus. Several processes of one host share \`PORT\`, so each also answers on
\`METRICS_PORT\` plus its instance number, and Prometheus should scrape these ports. With \`METRICS_TOKEN\`, both require
\`Authorization: Bearer <token>\`.

All counters start at 0 with the process. Buckets are the same in every process, so quantiles can be computed from their
sums: \`histogram_quantile(0.99, sum by (le) (rate(synckit_ack_latency_seconds_bucket[1m])))\`.

Besides the metrics below there are \`synckit_build_info {version, node}\`, \`synckit_node_info {node, id, pid}\` with the
names of the process (\`node\` in its log, \`id\` in the list of nodes of \`/health\`, \`pid\` in \`pm2 ls\`), and the default
metrics of prom-client:
\`process_cpu_seconds_total\`, \`process_resident_memory_bytes\`, \`nodejs_eventloop_lag_p99_seconds\` (of the acceptor's
thread), \`nodejs_gc_duration_seconds\` and more.`;

const owners: Readonly<Record<MetricSpec['owner'], string>> = {
  acceptor: 'the acceptor',
  shard: 'the shards, summed up',
  both: 'the acceptor and the shards, summed up',
  node: 'the process, read at each scrape',
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

/** The base unit that a name ends in, before `_total`. */
function unitOf(name: string): string | undefined {
  return /_(seconds|bytes)(?:_total)?$/.exec(name)?.[1];
}
