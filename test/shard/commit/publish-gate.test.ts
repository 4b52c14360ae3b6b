/** SYNC_PUBLISH=durable: nobody is shown what is not stored. */
import { test, type Test } from 'tap';
import { recordKinds, variants, type TaskRecord } from '../../../src/messages/task.js';
import { ControlledStorage } from '../../support/parts/controlled-storage.js';
import { until } from '../../support/nodes/server.js';
import {
  brief,
  origin,
  ShardDriver,
  stampOf,
  subscribe,
  toAll,
  toOne,
  write,
  type Sent,
} from '../../support/parts/shard-driver.js';
import { TextReplica } from '../../support/clients/text-replica.js';

const json = origin(9, { encoding: 'json' });

function open(t: Test, graceMs = 600_000, storage = new ControlledStorage()): ShardDriver {
  storage.refuse = (_, { value }) => (Number(value) >= 666 ? 'no devils' : undefined);
  const driver = new ShardDriver({ publish: { when: 'durable', graceMs } }, storage);
  t.teardown(() => driver.shard.close());
  return driver;
}

/** A shard with a document in memory, whose storage holds its commits back. */
async function held(t: Test, graceMs?: number): Promise<ShardDriver> {
  const driver = open(t, graceMs);
  for (const id of ['d', 'e']) await driver.run(id, [write(9, { field: 'f', value: 1 }, 1_000)]);
  driver.sent.length = 0;
  driver.storage.hold();
  return driver;
}

/** Everything in the order of sending: `all <what>`, else the session's number. Of the variants only the plain one. */
function inShort(sent: readonly Sent[]): string[] {
  return sent
    .filter((entry) => entry.to === 'one' || (entry.variant & ~(variants.binaryDelta | variants.binaryAny)) === 0)
    .map((entry) => `${entry.to === 'all' ? 'all' : entry.session} ${brief(entry)}`);
}

async function settled(driver: ShardDriver, ...tasks: number[]): Promise<string[]> {
  driver.storage.release();
  await until('all is settled', () => tasks.every((task) => driver.settled.includes(task)));
  return inShort(driver.sent);
}

test('DUR1 an update is sent when it is stored, in one answer with its ack', async (t) => {
  const driver = await held(t);
  const answers: number[] = [];
  const task = driver.give({ d: [write(1, { id: 'm', field: 'f', value: 2 })] });
  t.strictSame(driver.sent, []);
  answers.push(driver.answers);
  t.strictSame(await settled(driver, task), ['all f=2', '1 ack m']);
  t.equal(driver.answers, answers[0]! + 1);
});

test('DUR1 a value that is refused is sent to nobody; the other fields of its flush are', async (t) => {
  const driver = await held(t);
  const task = driver.give({
    d: [write(1, { id: 'm', delta: { g: 2, f: 666 } }, 2_000), write(2, { id: 'm2', field: 'f', value: 3 }, 1_500)],
  });
  const sent = await settled(driver, task);
  t.notMatch(JSON.stringify(driver.sent), /:"?666"?[,}\]]/);
  t.strictSame(sent, ['all g=2', '1 error INVALID_DELTA m', 'all f=3', '2 ack m2']);
  t.strictSame(await driver.state('d'), { f: 3, g: 2 });
});

test('DUR1 who lost to a write that is not stored is told when it is, and nothing when it is refused', async (t) => {
  for (const [value, expected] of [
    [2, ['all f=2', '2 f=2', '1 ack m', '2 ack lost']],
    [666, ['1 error INVALID_DELTA m', 'all f=3', '2 ack lost']],
  ] as const) {
    const driver = await held(t);
    const tasks = [
      driver.give({ d: [write(1, { id: 'm', field: 'f', value }, 3_000)] }),
      driver.give({ d: [write(2, { id: 'lost', field: 'f', value: 3 }, 2_000)] }),
    ];
    t.strictSame(driver.sent, []);
    const sent = await settled(driver, ...tasks);
    t.strictSame(
      sent.filter((text) => text !== 'all f=1'),
      expected,
    );
    t.notMatch(JSON.stringify(driver.sent), /:"?666"?[,}\]]/);
  }
});

test('DUR2 a read waits for what is not stored, and what comes after it for the read', async (t) => {
  const driver = await held(t);
  const tasks = [
    driver.give({ d: [write(1, { id: 'm1', field: 'f', value: 2 })], e: [subscribe(json)] }),
    driver.give({ d: [subscribe(json)] }),
    driver.give({ d: [write(1, { id: 'm2', field: 'f', value: 3 })] }),
    driver.give({ d: [write(1, { id: 'm3', field: 'f', value: 4 }), subscribe(json)] }),
  ];
  t.strictSame(inShort(driver.sent), ['9 sync_response'], 'of another document');
  const sent = await settled(driver, ...tasks);
  t.strictSame(sent.slice(1), [
    ...['all f=2', '1 ack m1', '9 sync_response'],
    ...['all f=4', '1 ack m2', '1 ack m3', '9 sync_response'],
  ]);
  const states = toOne(driver.sent, 9).map(({ message }) => message['state']);
  t.strictSame(states, [{ f: 1 }, { f: 2 }, { f: 4 }]);
  const stamps = driver.sent.map(({ message }) => message).filter(({ clock }) => clock !== undefined);
  const ofD = stamps.map(stampOf).slice(1);
  t.strictSame(
    ofD,
    [...ofD].sort((a, b) => a - b),
    'in the order of their stamps',
  );
});

test('DUR2 a read after a write that is refused does not show it', async (t) => {
  const driver = await held(t);
  const task = driver.give({ d: [write(1, { id: 'm', field: 'f', value: 666 }, 2_000), subscribe(json)] });
  await settled(driver, task);
  t.strictSame(toOne(driver.sent, 9)[0]!.message['state'], { f: 1 });
  t.notMatch(JSON.stringify(driver.sent), /:"?666"?[,}\]]/);
});

test('DUR1 texts and relayed operations wait too, in their order', async (t) => {
  const driver = await held(t);
  const sender = origin(1, { supportsBatch: true });
  const replica = new TextReplica('a');
  replica.insert(0, 'hello');
  const text = { type: 'text-state', documentId: 'd', state: replica.state(), clientId: 'a', clock: 1 };
  const task = driver.give({
    d: [
      write(sender, { id: 'm1', deltas: [{ type: 'set', field: 'f', value: 2 }, text] }),
      write(sender, { id: 'm2', deltas: [{ type: 'counter', counterId: 'c', delta: 1 }] }),
    ],
  });
  const late = driver.give({
    d: [write(sender, { id: 'm3', deltas: [{ type: 'counter', counterId: 'c', delta: 2 }] })],
  });
  const before = toAll(driver.sent).length;
  await settled(driver, task, late);
  const kinds = toAll(driver.sent)
    .slice(before)
    .map(({ message }) => message['field'] ?? (message['deltas'] as { type: string }[])[0]!.type);
  t.strictSame(kinds, ['f', 'text-state', 'counter']);
});

test('DUR3 when a commit takes longer than the grace, all is shown and acks wait', async (t) => {
  const driver = await held(t, 1);
  const tasks = [driver.give({ d: [write(1, { id: 'm1', field: 'f', value: 2 }), subscribe(json)] })];
  await until('it is shown', () => toOne(driver.sent, 9).length > 0);
  t.strictSame(inShort(driver.sent), ['all f=2', '9 sync_response']);
  tasks.push(driver.give({ d: [write(1, { id: 'm2', field: 'f', value: 3 }), subscribe(json)] }));
  t.strictSame(
    inShort(driver.sent),
    ['all f=2', '9 sync_response', 'all f=3', '9 sync_response'],
    'at once from then on',
  );
  t.strictSame((await settled(driver, ...tasks)).slice(4), ['1 ack m1', '1 ack m2']);
});

test('DUR3 after a commit that succeeds what is not stored is not shown again', async (t) => {
  const driver = await held(t, 1);
  const task = driver.give({ d: [write(1, { id: 'm1', field: 'f', value: 2 })] });
  await until('it is shown', () => driver.sent.length > 0);
  await settled(driver, task);
  const slow = open(t, 600_000, driver.storage);
  await slow.run('d', [subscribe(json)]);
  slow.sent.length = 0;
  driver.storage.hold();
  const next = slow.give({ d: [write(1, { id: 'm2', field: 'f', value: 3 })] });
  await new Promise((resolve) => setImmediate(resolve));
  t.strictSame(slow.sent, []);
  t.strictSame(await settled(slow, next), ['all f=3', '1 ack m2']);
});

test('DUR3 while the storage fails the same holds, and a refused value that was shown is taken back', async (t) => {
  const driver = await held(t, 1);
  driver.storage.release();
  driver.storage.failCommits = true;
  const task = driver.give({ d: [write(1, { id: 'm', field: 'f', value: 666 }, 2_000)] });
  await until('it is shown', () => inShort(driver.sent).includes('all f=666'));
  driver.storage.failCommits = false;
  await until('the task is settled', () => driver.settled.includes(task));
  t.strictSame(inShort(driver.sent), ['all f=666', 'all f=1', '1 error INVALID_DELTA m']);
});

test('DUR1 what a worker committed and did not show before it died is shown by the next', async (t) => {
  const driver = await held(t);
  const task: TaskRecord[] = [write(1, { id: 'm', field: 'f', value: 2, clientId: 'c', clock: { c: 1 } }, 2_000)];
  driver.give({ d: task });
  driver.storage.release();
  await until('it is stored', async () => (await driver.storage.stored('d')).includes('f=2'));
  for (const isFirst of [true, false]) {
    const next = open(t, 600_000, driver.storage);
    const interest: TaskRecord[] = [{ kind: recordKinds.interest, isOld: true }];
    if (isFirst) next.give({ d: interest });
    const again = next.give({ d: task });
    await until('the ack', () => next.settled.includes(again));
    if (!isFirst) next.give({ d: interest });
    t.ok(inShort(next.sent).includes('all f=2'), isFirst ? 'subscribers first' : 'the task first');
  }
});
