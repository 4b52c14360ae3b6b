/** What one node's write is refused for, and clients that saw it there and come back to another one. */
import { test } from 'tap';
import { MemoryHub } from '../../../src/cluster/memory/bus.js';
import { ControlledStorage } from '../../support/parts/controlled-storage.js';
import { ModelDocument } from '../../support/clients/model-document.js';
import { until } from '../../support/nodes/server.js';
import { brief, origin, stateVector, toAll, toOne, write, type ShardDriver } from '../../support/parts/shard-driver.js';
import { documents, NodeUnderTest, wanted } from '../../support/nodes/shard-nodes.js';

const json = origin(60, { encoding: 'json' });

async function resume({ run }: Pick<ShardDriver, 'run'>, client: ModelDocument): Promise<unknown> {
  const [answer] = toOne(await run('a', [stateVector(json, Object.entries(client.vector))]), json.session);
  const { operations, state, clock } = answer!.message as unknown as {
    readonly operations: readonly { readonly field: string; readonly value: unknown }[];
    readonly state?: Readonly<Record<string, unknown>>;
    readonly clock: unknown;
  };
  if (state !== undefined) client.receiveState(state, clock);
  for (const { field, value } of operations) client.receive(field, value, clock, 'server');
  return state;
}

test('REF3, REF5 who saw a refused value and comes back to another node is sent the stored one', async (t) => {
  const storage = new ControlledStorage();
  storage.refuse = (_, { value }) => (value === '666' ? 'no devils' : undefined);
  const hub = new MemoryHub();
  const nodes = ['x', 'y'].map((name) => new NodeUnderTest(name, storage, hub)) as [NodeUnderTest, NodeUnderTest];
  t.teardown(() => Promise.all(nodes.map(({ driver }) => driver.shard.close())));
  const [first, second] = nodes.map(({ driver }) => driver) as [ShardDriver, ShardDriver];
  await until('subscribers', () => nodes.every(({ driver }) => driver.settled.length === documents.length));
  const reaches = async (text: string): Promise<void> => {
    await until(`${text} on the other node`, () => toAll(second.sent).map(brief).includes(text));
  };
  await first.run('a', [write(1, { field: 'f', value: 1, clientId: 'c', clock: { c: 1 } }, 1_000)], wanted);
  await reaches('f=1');
  const client = new ModelDocument();
  await resume({ run: (...all) => first.run(...all) }, client);
  t.equal(client.live, '{"f":1}');

  storage.hold();
  const before = first.sent.length;
  const task = first.give(
    { a: [write(1, { delta: { f: 666, never: 666, other: 1 }, clientId: 'c', clock: { c: 2 } }, 2_000)] },
    wanted,
  );
  for (const { message } of toAll(first.sent.slice(before)))
    client.receive(message['field'] as string, message['value'], message['clock'], 'c');
  t.equal(client.live, '{"f":666,"never":666,"other":1}');
  storage.release();
  await until('the commit', () => first.settled.includes(task));
  await reaches('other=1');
  await resume({ run: (...all) => second.run(...all) }, client);
  t.equal(client.live, '{"f":1,"other":1}');
  t.notMatch(JSON.stringify(second.sent), /:"?666"?[,}\]]/);
});
