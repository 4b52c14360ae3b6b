import { test } from 'tap';
import { variables } from '../../src/config/variables/table.js';
import type { Variable } from '../../src/config/variable.js';
import type { MetricSpec } from '../../src/metrics/spec.js';
import { metrics } from '../../src/metrics/table.js';
import { SourceReads } from '../support/values/property-reads.js';

const sources = new SourceReads();
const table: Readonly<Record<string, Variable>> = variables;

/** What the table says of a variable that only a later version reads. */
const later = 'has no effect in this version';

/** Files outside the configuration itself, and what turns one variable into another. */
function readsBeyond(files: readonly string[]): readonly string[] {
  const derived = ['derive', 'auth', 'validate', 'changes'].map((name) => `src/config/${name}.ts`);
  return files.filter((file) => !file.startsWith('src/config/') || derived.includes(file));
}

test('every variable of the configuration is read, unless its meaning says that it has no effect', (t) => {
  const readers = sources.readersOf('src/config/derive.ts', 'Values');
  t.same([...readers.keys()].sort(), Object.keys(table).sort());
  for (const [key, { name, meaning }] of Object.entries(table)) {
    const files = readsBeyond(readers.get(key) ?? []);
    if (meaning.includes(later)) t.same(files, [], `${name} is read, so its meaning must not say “${later}”`);
    else t.ok(files.length > 0, `${name} (${key}) is read by the server`);
  }
  t.end();
});

for (const [file, type] of [
  ['derive', 'Derived'],
  ['derive', 'StorageConfig'],
  ['derive', 'BusConfig'],
  ['auth', 'AuthConfig'],
  ['auth', 'PublicKeysConfig'],
  ['changes', 'ChangesConfig'],
  ['changes', 'WebhookConfig'],
] as const) {
  test(`everything in ${type} is read outside the configuration`, (t) => {
    for (const [key, files] of sources.readersOf(`src/config/${file}.ts`, type)) {
      t.ok(
        files.some((file) => !file.startsWith('src/config/')),
        `${type}.${key}`,
      );
    }
    t.end();
  });
}

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
