/** Clients that know more of a document than the process that they come to. */
import { test } from 'tap';
import { ControlledStorage } from '../../support/parts/controlled-storage.js';
import { ShardDriver, subscribe, toAll, toOne, write } from '../../support/parts/shard-driver.js';

type Vector = [string, number][];

/** Two processes on one storage, of which the second has not heard of the last commit; and what a client of the first knows. */
async function world(): Promise<{ storage: ControlledStorage; second: ShardDriver; vector: Vector }> {
  const storage = new ControlledStorage();
  const first = new ShardDriver({}, storage);
  await first.run('d', [write(9, { field: 'a', value: 1, clientId: 'w' })]);
  const second = new ShardDriver({}, storage);
  await second.run('d', [subscribe(7)]);
  await first.run('d', [write(9, { field: 'b', value: 2, clientId: 'w' })]);
  const [update] = toAll(first.sent).slice(-1);
  const [answer] = toOne(await first.run('d', [subscribe(1)]), 1);
  // It was sent the write before that was durable, and the commit's number later.
  const clocks = [update!, answer!].map(({ message }) => message['clock'] as Record<string, number>);
  const vector = new Map<string, number>();
  for (const [id, count] of clocks.flatMap((clock) => Object.entries(clock)))
    vector.set(id, Math.max(vector.get(id) ?? 0, count));
  storage.loads.length = 0;
  return { storage, second, vector: [...vector] };
}

test('SUB2 who comes from a node that knows a later commit is not told that it was lost', async (t) => {
  const { storage, second, vector } = await world();
  const reads = [subscribe(1, { vector }), subscribe(2, { vector })];
  const answers = toOne(await second.run('d', reads)).filter(({ message }) => message.type === 'sync_response');
  for (const { message } of answers) t.match(message, { state: undefined, deltas: [] });
  t.equal(answers.length, 2);
  t.strictSame(storage.loads, [['d']], 'one load for both');
  t.match(
    toAll(second.sent).map(({ message }) => message),
    [{ field: 'b', value: 2 }],
    'those who were there before are sent it',
  );
  t.strictSame(await second.state('d'), { a: 1, b: 2 });
});

test('SUB2 a number that the storage does not know either is answered with all fields', async (t) => {
  const { storage, second, vector } = await world();
  const unknown = vector.map(([id, count]): [string, number] => [id, id === '#' ? count + 5 : count]);
  const [answer] = toOne(await second.run('d', [subscribe(1, { vector: unknown })]), 1);
  t.match(answer!.message['deltas'], [{ field: 'a' }, { field: 'b' }]);
  t.equal(storage.loads.length, 1);
});

test('SUB2 a document that is as the storage has it is not loaded for a number that nobody knows', async (t) => {
  const { storage, second, vector } = await world();
  await second.run('d', [subscribe(1, { vector })]);
  const asked = { loads: storage.loads.length, comparisons: storage.comparisons };
  const unknown: Vector = [...vector.filter(([id]) => id !== '#'), ['#', Number.MAX_SAFE_INTEGER]];
  const reads = [subscribe(2, { vector: unknown }), subscribe(3, { vector: unknown })];
  const answers = toOne(await second.run('d', reads)).filter(({ message }) => message.type === 'sync_response');
  t.equal(answers.length, 2);
  for (const { message } of answers) t.match(message['deltas'], [{ field: 'a' }, { field: 'b' }]);
  t.equal(storage.loads.length, asked.loads, 'to load it costs what the answers do not show');
  t.equal(storage.comparisons, asked.comparisons + 1, 'the storage is asked once for both');
});

test('SUB5 while the storage is away such a client is refused, and answered when it asks again', async (t) => {
  const { storage, second, vector } = await world();
  storage.failLoads = ['d'];
  const [refused] = toOne(await second.run('d', [subscribe(1, { vector })]), 1);
  t.match(refused!.message, { type: 'error', details: { code: 'STORAGE_UNAVAILABLE', documentId: 'd' } });
  storage.failLoads = [];
  const [answer] = toOne(await second.run('d', [subscribe(1, { vector })]), 1);
  t.match(answer!.message, { type: 'sync_response', state: undefined, deltas: [] });
});
