import { test } from 'tap';
import { eventLoopUtilization, TurnCost } from '../../../src/acceptor/fan-out/turn-cost.js';

test('what a turn publishes is measured once, with all that it reaches', async (t) => {
  const measured: { ms: number; reached: number }[] = [];
  const cost = new TurnCost({ measured: (ms, reached) => void measured.push({ ms, reached }) });
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  cost.begin();
  cost.add(3, 0, true);
  cost.begin();
  cost.add(4, 0, true);
  cost.add(4, 16_384, false);
  // CPU time, as waiting is no cost.
  for (const { user } = process.cpuUsage(); process.cpuUsage().user < user + 20_000;);
  t.strictSame(measured, [], 'not before all is sent');
  await turn();
  t.equal(measured.length, 1);
  t.equal(measured[0]?.reached, 15, 'bytes count as calls');
  t.ok((measured[0]?.ms ?? 0) > 10);
  cost.begin();
  await turn();
  t.equal(measured.length, 1, 'a publish that reaches nobody is no measure');
  cost.begin();
  cost.add(1, 8_192, true);
  await turn();
  t.equal(measured[1]?.reached, 2, 'each turn for itself');
});

test('how busy the thread was is asked for from one time to the next', async (t) => {
  const utilization = eventLoopUtilization();
  for (const { user } = process.cpuUsage(); process.cpuUsage().user < user + 50_000;);
  const busy = utilization();
  await new Promise((resolve) => setTimeout(resolve, 200));
  const idle = utilization();
  t.ok(busy > 0.5 && busy <= 1, String(busy));
  t.ok(idle >= 0 && idle < busy, String(idle));
});
