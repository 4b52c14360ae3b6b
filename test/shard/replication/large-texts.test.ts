/** Many large texts are loaded again at once, as after a reconnect: what their subscribers are sent leaves in pieces. */
import { pino } from 'pino';
import { test } from 'tap';
import { MemoryHub } from '../../../src/cluster/memory/bus.js';
import { variants } from '../../../src/messages/task.js';
import { ShardMetrics } from '../../../src/metrics/shard-metrics.js';
import { ControlledStorage } from '../../support/parts/controlled-storage.js';
import { until } from '../../support/nodes/server.js';
import { ShardDriver, write } from '../../support/parts/shard-driver.js';
import { interest } from '../../support/nodes/shard-nodes.js';
import { TextReplica } from '../../support/clients/text-replica.js';

const TEXTS = 64;
const TEXT_BYTES = 400_000;
const MEGABYTE = 1024 * 1024;

test('64 large texts do not become one answer', async (t) => {
  const storage = new ControlledStorage();
  const writer = new ShardDriver({ maxPendingBytes: 1e9 }, storage);
  const replica = new TextReplica('alice');
  replica.insert(0, 'x'.repeat(TEXT_BYTES));
  const ids = Array.from({ length: TEXTS }, (_, i) => `d${i}`);
  for (const id of ids) {
    const state = { type: 'text-state', documentId: id, state: replica.state(), clientId: 'alice', clock: 1 };
    await writer.run(id, [write(1, { deltas: [state] })]);
  }
  const hub = new MemoryHub();
  const metrics = new ShardMetrics(undefined);
  const log = pino({ level: 'silent' });
  const answers: number[] = [];
  const driver = new ShardDriver(
    {
      metrics,
      send: (answer) => answers.push(answer.length),
      openBus: (events) => hub.open({ nodeId: 'x', run: 'x', events, metrics: metrics.bus, log }),
    },
    storage,
  );
  t.teardown(() => Promise.all([writer.shard.close(), driver.shard.close()]));
  driver.give(Object.fromEntries(ids.map((id) => [id, [interest()]])), variants.binaryAny | variants.jsonAny);
  const sum = (): number => answers.reduce((all, bytes) => all + bytes, 0);
  await until('all texts to be sent', () => sum() > 2 * TEXTS * TEXT_BYTES);
  t.ok(Math.max(...answers) < 6 * MEGABYTE, `the largest answer has ${Math.max(...answers)} bytes of ${sum()}`);
});
