/**
 * Shards of several nodes that share a storage and a bus, in this thread: what their subscribers are sent converges,
 * whatever the bus loses. `SEEDS=500` plays more sessions, `SEED=…` repeats one.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'tap';
import { MemoryHub } from '../../../src/cluster/memory/bus.js';
import { ControlledStorage } from '../../support/parts/controlled-storage.js';
import { Random, seedsToPlay } from '../../support/random.js';
import { until } from '../../support/nodes/server.js';
import { origin, ShardDriver, subscribe, write } from '../../support/parts/shard-driver.js';
import { documents, NodeUnderTest, wanted } from '../../support/nodes/shard-nodes.js';
import { TextReplica } from '../../support/clients/text-replica.js';

async function stored(storage: ControlledStorage, id: string): Promise<{ state: string; text: string }> {
  const [answer] = await new ShardDriver({}, storage).run(id, [subscribe(1, {})]);
  const fields = Object.entries(answer!.message['state'] as object).sort();
  const replica = new TextReplica('late');
  if (typeof answer!.message['textState'] === 'string') replica.merge(answer!.message['textState']);
  return { state: JSON.stringify(fields.sort()), text: replica.text() };
}

async function play(seed: number): Promise<string[]> {
  const random = new Random(seed);
  const storage = new ControlledStorage();
  const hub = new MemoryHub();
  const nodes = ['x', 'y', 'z'].map((name) => new NodeUnderTest(name, storage, hub));
  hub.loses = () => random.once(5);
  for (let step = 0; step < 60; step++) {
    const node = random.pick(nodes);
    const id = random.pick(documents);
    const action = random.below(100);
    if (action < 50) {
      const value = random.once(5) ? { __deleted: true } : `${node.name}${step}`;
      const timestamp = 1_000_000 + random.below(1_000);
      const from = {
        field: `f${random.below(4)}`,
        clientId: `client-${node.name}`,
        clock: { [`client-${node.name}`]: step + 1 },
      };
      node.driver.give({ [id]: [write(7, { ...from, value }, timestamp)] }, wanted);
    } else if (action < 75) {
      const writer = node.writers.get(id)!;
      if (writer.length > 4 && random.once(3)) writer.delete(random.below(writer.length - 3), random.between(1, 3));
      else writer.insert(random.between(0, writer.length), random.pick(['x', 'word ', 'é', '日本']));
      const operation = { type: 'text-state', state: writer.state(), clientId: writer.clientId, clock: 1 };
      node.driver.give({ [id]: [write(origin(8, { supportsBatch: true }), { deltas: [operation] })] }, wanted);
    } else if (action < 80) {
      hub.disconnect(node.bus);
      await sleep(random.below(3));
      hub.connect(node.bus);
    } else {
      await sleep(random.below(3));
      node.deliver();
    }
  }
  hub.loses = () => false;
  const problems: string[] = [];
  try {
    await until(
      'all to agree',
      async () => {
        for (const node of nodes) {
          await node.driver.shard.idle();
          node.deliver();
        }
        for (const id of documents) {
          const { state, text } = await stored(storage, id);
          for (const { subscribers } of nodes) {
            const subscriber = subscribers.get(id)!;
            if (subscriber.state !== state || subscriber.text.text() !== text) return false;
          }
        }
        return true;
      },
      5_000,
    );
  } catch {
    for (const id of documents) {
      const { state, text } = await stored(storage, id);
      for (const { name, subscribers } of nodes) {
        const subscriber = subscribers.get(id)!;
        if (subscriber.state !== state) problems.push(`${id} on ${name}: ${subscriber.state} instead of ${state}`);
        if (subscriber.text.text() !== text)
          problems.push(`${id} on ${name}: ${subscriber.text.text()} instead of ${text}`);
      }
    }
  }
  await Promise.all(nodes.map(({ driver }) => driver.shard.close()));
  return problems;
}

const seeds = seedsToPlay([3], 30);

test(`contract 7: the subscribers of three nodes converge although the bus loses messages, ${seeds.length} sessions`, async (t) => {
  for (const seed of seeds) {
    const problems = await play(seed);
    if (problems.length > 0) t.strictSame(problems, [], `SEED=${seed}`);
  }
  t.pass();
});
