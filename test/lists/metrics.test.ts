import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'tap';
import type { MetricSpec } from '../../src/metrics/spec.js';
import { metrics } from '../../src/metrics/table.js';
import { packageFolder } from '../../src/version.js';
import { SourceReads } from '../support/property-reads.js';

const sources = new SourceReads();

test('every metric has a panel, and dashboard, alerts and runbook agree with the table', (t) => {
  const { status, stderr } = spawnSync(process.execPath, [join(packageFolder, 'grafana/lint.mjs')], {
    encoding: 'utf8',
  });
  t.equal(stderr, '');
  t.equal(status, 0);
  t.end();
});

test('every metric that the acceptor or a shard owns has a cell', (t) => {
  const readers = sources.readersOf('src/metrics/table.ts', 'metrics');
  for (const [key, spec] of Object.entries<MetricSpec>(metrics)) {
    // Those of the node are checked by the compiler: NodeReads has a function for each.
    if (spec.owner === 'node') continue;
    const files = readers.get(key) ?? [];
    const wanted = spec.owner === 'both' ? ['acceptor', 'shard'] : [spec.owner];
    for (const part of wanted) t.ok(files.includes(`src/metrics/${part}-metrics.ts`), `${spec.name} in the ${part}`);
  }
  t.end();
});

for (const [file, type] of [
  ['src/metrics/acceptor-metrics.ts', 'AcceptorMetrics'],
  ['src/metrics/shard-metrics.ts', 'ShardMetrics'],
] as const) {
  test(`everything in ${type} is counted by somebody`, (t) => {
    for (const [key, files] of sources.readersOf(file, type)) {
      t.ok(
        files.some((name) => !name.startsWith('src/metrics/')),
        `${type}.${key}`,
      );
    }
    t.end();
  });
}
