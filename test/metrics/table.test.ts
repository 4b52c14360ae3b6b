import { test } from 'tap';
import { labelSets, type MetricSpec } from '../../src/metrics/spec.js';
import { metrics } from '../../src/metrics/table.js';

for (const spec of Object.values<MetricSpec>(metrics)) {
  test(`${spec.name} is named and described as Prometheus wants it`, (t) => {
    t.match(spec.name, /^synckit_[a-z]+(_[a-z]+)*$/);
    t.equal(spec.name.endsWith('_total'), spec.type === 'counter', 'counters and only they end in _total');
    t.match(spec.help, /\.$/, 'a sentence');
    t.equal(spec.buckets !== undefined, spec.type === 'histogram');
    t.same(
      spec.buckets ?? [],
      [...(spec.buckets ?? [])].sort((a, b) => a - b),
    );
    t.ok(labelSets(spec).length <= 50, 'few label values');
    t.end();
  });
}
