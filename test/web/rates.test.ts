import { percentile, RateMeter } from '#web/dashboard/rates';
import { test } from 'tap';

test('rates are differences within a window, of all nodes, also when one is new or starts again', (t) => {
  const meter = new RateMeter([0.01, 0.1]);
  const node = (run: string, deliveries: number, ...acks: number[]) => ({ run, deliveries, acks });
  t.equal(meter.add(0, [node('a', 100, 10, 0, 0)]), undefined);
  t.match(meter.add(2_000, [node('a', 300, 30, 0, 0), node('b', 5_000, 900, 0, 0)]), { writes: 10, deliveries: 100 });
  const rates = meter.add(4_000, [node('a2', 0, 0, 0, 0), node('b', 5_040, 900, 40, 0)]);
  t.match(rates, { writes: 10, deliveries: 10 });
  t.equal(rates?.writesOf.get('b'), 10);
  for (let at = 6_000; at <= 20_000; at += 2_000) meter.add(at, [node('b', 5_040, 900, 40, 0)]);
  t.match(meter.add(22_000, [node('b', 5_040, 900, 40, 0)]), { writes: 0, deliveries: 0, ackP99: undefined });
  t.end();
});

test('a percentile of buckets', (t) => {
  t.equal(percentile([0, 0, 0], [1, 2], 0.99), undefined);
  t.equal(percentile([100, 0, 0], [1, 2], 0.5), 0.5);
  t.equal(percentile([50, 50, 0], [1, 2], 0.99), 1.98);
  t.equal(percentile([0, 0, 5], [1, 2], 0.99), 2, 'above all bounds: at least the last');
  t.end();
});
