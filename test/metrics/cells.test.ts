import { test } from 'tap';
import { Cells } from '../../src/metrics/cells.js';
import { labelSets, type MetricSpec } from '../../src/metrics/spec.js';

const plain: MetricSpec = { name: 'plain_total', type: 'counter', owner: 'shard', help: '' };
const labelled: MetricSpec = {
  name: 'labelled_total',
  type: 'counter',
  owner: 'shard',
  help: '',
  labels: { kind: ['a', 'b', 'other'] },
};
const times: MetricSpec = { name: 'times_seconds', type: 'histogram', owner: 'shard', help: '', buckets: [1, 2, 5] };
const specs = [plain, labelled, times];

test('what one view of the memory counts, another one reads', (t) => {
  const memory = Cells.allocate(specs);
  const writer = new Cells(specs, memory);
  const reader = new Cells(specs, memory);
  writer.counter(plain).add(3);
  writer.counter(plain).add(1);
  const byKind = writer.counters(labelled);
  byKind('a').add(1);
  byKind('b').add(2);
  byKind('never heard of').add(5);
  t.equal(reader.read(plain, {}), 4);
  t.same(
    labelSets(labelled).map((labels) => reader.read(labelled, labels)),
    [1, 2, 5],
    'what is no value of the label counts as other',
  );
  t.end();
});

test('a histogram counts a value in the first bucket that it is not above', (t) => {
  const cells = new Cells(specs, Cells.allocate(specs));
  const histogram = cells.histogram(times);
  for (const value of [0, 1, 1.5, 2, 4, 5, 5.1, 100]) histogram.observe(value);
  t.same(cells.readHistogram(times), { counts: [2, 2, 2, 2], sum: 118.6 });
  t.end();
});

test('without memory nothing is counted and nothing fails', (t) => {
  const cells = new Cells(specs, undefined);
  cells.counter(plain).add(1);
  cells.counters(labelled)('a').add(1);
  cells.histogram(times).observe(1);
  t.equal(cells.read(plain, {}), 0);
  t.end();
});

test('a metric that is not of these cells is refused', (t) => {
  const cells = new Cells([plain], Cells.allocate([plain]));
  t.throws(() => cells.counter(times));
  t.end();
});
