import { test } from 'tap';
import { eventLoopUtilization, TurnCost } from '../../../src/acceptor/fan-out/turn-cost.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('what a turn publishes is measured once, with all that it reaches', async (t) => {
  const measured: { ms: number; reached: number }[] = [];
  const cost = new TurnCost({ measured: (ms, reached) => void measured.push({ ms, reached }) });
  cost.begin();
  cost.add(100, 0, true);
  cost.begin();
  cost.add(200, 0, true);
  cost.add(200, 16_384, false);
  // CPU time, as waiting is no cost.
  for (const { user } = process.cpuUsage(); process.cpuUsage().user < user + 20_000;);
  t.strictSame(measured, [], 'not before all is sent');
  await turn();
  t.equal(measured.length, 1);
  t.equal(measured[0]?.reached, 700, 'bytes count as calls');
  t.ok((measured[0]?.ms ?? 0) > 10);
  cost.begin();
  cost.add(150, 8_192, true);
  await turn();
  t.equal(measured[1]?.reached, 300, 'each turn for itself');
  cost.begin();
  await turn();
  t.equal(measured.length, 2, 'a publish that reaches nobody is no measure');
});

test('of turns that reach few, one in eight is measured', async (t) => {
  const measured: number[] = [];
  const cost = new TurnCost({ measured: (_, reached) => void measured.push(reached) });
  for (let i = 0; i < 17; i++) {
    cost.begin();
    cost.add(i + 1, 0, true);
    await turn();
  }
  t.strictSame(measured, [1, 9, 17]);
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
