/** What the storage refuses is taken back: in memory, and at every client that saw it. */
import { test } from 'tap';
import { variants } from '../../../src/messages/task.js';
import { ModelDocument } from '../../support/clients/model-document.js';
import { until } from '../../support/nodes/server.js';
import {
  brief,
  origin,
  ShardDriver,
  stampOf,
  stateVector,
  subscribe,
  toAll,
  toOne,
  write,
  type Sent,
} from '../../support/parts/shard-driver.js';

interface Resumed {
  readonly operations: readonly { readonly field: string; readonly value: unknown }[];
  readonly state?: unknown;
  readonly clock: unknown;
}

/** A shard whose storage refuses the values 666 and above, and holds its commits back. */
async function held(): Promise<ShardDriver> {
  const driver = new ShardDriver();
  driver.storage.refuse = (_, { value }) => (Number(value) >= 666 ? 'no devils' : undefined);
  await driver.run('d', [write(9, { field: 'f', value: 1, clientId: 'first' }, 1_000)]);
  await driver.run('e', [write(9, { field: 'f', value: 0 }, 1_000)]);
  driver.sent.length = 0;
  driver.storage.hold();
  return driver;
}

async function settled(driver: ShardDriver, ...tasks: number[]): Promise<Sent[]> {
  driver.storage.release();
  await until('all is settled', () => tasks.every((task) => driver.settled.includes(task)));
  return driver.sent.filter((entry) => entry.to === 'one' || entry.variant === variants.binaryDelta);
}

test('REF3 a refused value is shown and taken back: all get the stored one with a larger stamp', async (t) => {
  const driver = await held();
  const sent = await settled(driver, driver.give({ d: [write(1, { id: 'm', field: 'f', value: 666 }, 2_000)] }));
  t.strictSame(toAll(sent).map(brief), ['f=666', 'f=1']);
  const [shown, stored] = toAll(sent).map(({ message }) => stampOf(message));
  t.ok(stored! > shown!);
  t.equal(toAll(sent)[1]!.except, 0, 'its writer too');
  t.strictSame(toOne(sent, 1).map(brief), ['error INVALID_DELTA m']);
  t.equal(toOne(sent, 1)[0]!.message['error'], 'Invalid delta message: no devils');
  t.strictSame(await driver.state('d'), { f: 1 });
  t.strictSame(await driver.storage.stored('d'), ['f=1']);
  const late = await driver.run('d', [write(2, { id: 'm2', field: 'f', value: 2 }, 1_500)]);
  t.strictSame(toOne(late, 2).map(brief), ['ack m2'], 'a write that is older than the refused one wins now');
  t.strictSame(await driver.storage.stored('d'), ['f=2']);
});

test('REF3 a field that never was is removed again', async (t) => {
  const driver = await held();
  const sent = await settled(driver, driver.give({ d: [write(1, { id: 'm', field: 'new', value: 666 }, 2_000)] }));
  t.strictSame(toAll(sent).map(brief), ['new=666', 'new={"__deleted":true}']);
  t.strictSame(await driver.state('d'), { f: 1 });
  t.strictSame(await driver.storage.stored('d'), ['f=1']);
  const late = await driver.run('d', [write(2, { id: 'm2', field: 'new', value: 2 }, 0)]);
  t.strictSame(toOne(late, 2).map(brief), ['ack m2'], 'whatever its date');
  t.strictSame(await driver.state('d'), { f: 1, new: 2 });
});

test('REF4 a write that lost to a refused one takes its place, and is acknowledged when it is stored', async (t) => {
  const driver = await held();
  const tasks = [
    driver.give({ d: [write(1, { id: 'bad', field: 'f', value: 666 }, 3_000)] }),
    driver.give({ d: [write(2, { id: 'lost', field: 'f', value: 2 }, 2_000)] }),
    driver.give({ d: [write(3, { id: 'older', field: 'f', value: 3 }, 1_500)] }),
  ];
  const sent = await settled(driver, ...tasks);
  t.strictSame(toAll(sent).map(brief), ['f=666', 'f=2']);
  t.strictSame(sent.filter(({ to }) => to === 'one').map(brief), [
    'f=666',
    'f=666',
    'error INVALID_DELTA bad',
    'ack lost',
    'ack older',
  ]);
  t.strictSame(await driver.storage.stored('d'), ['f=2']);
  t.strictSame(await driver.state('d'), { f: 2 });
});

test('REF4 its ack waits until it is stored itself', async (t) => {
  const driver = await held();
  driver.give({ d: [write(1, { id: 'bad', field: 'f', value: 666 }, 3_000)] });
  const task = driver.give({ d: [write(2, { id: 'lost', field: 'f', value: 2 }, 2_000)] });
  let stored = false;
  const commit = driver.storage.commit.bind(driver.storage);
  driver.storage.commit = async (changes) => {
    const committed = await commit(changes);
    stored = (await driver.storage.stored('d')).includes('f=2');
    t.equal(
      toOne(driver.sent, 2).some((entry) => brief(entry) === 'ack lost'),
      false,
      'not before',
    );
    return committed;
  };
  await settled(driver, task);
  t.equal(stored, true);
  t.strictSame(toOne(driver.sent, 2).map(brief).at(-1), 'ack lost');
});

test('REF4 writes that the refused one has replaced, in its own flush and before, take its place', async (t) => {
  for (const same of [true, false]) {
    const driver = await held();
    // So that the others are not in the commit that runs already.
    const first = driver.give({ e: [write(4, { id: 'm0', field: 'f', value: 1 })] });
    const writes = [2, 3, 666].map((value, i) => write(i + 1, { id: `m${value}`, field: 'f', value }, 2_000 + i));
    const tasks = same ? [driver.give({ d: writes })] : writes.map((one) => driver.give({ d: [one] }));
    const sent = await settled(driver, first, ...tasks);
    t.strictSame(await driver.storage.stored('d'), ['f=3']);
    t.strictSame(await driver.state('d'), { f: 3 });
    t.strictSame(
      ['m2', 'm3', 'm666'].map((id) =>
        toOne(sent)
          .map(brief)
          .filter((text) => text.endsWith(` ${id}`)),
      ),
      [['ack m2'], ['ack m3'], ['error INVALID_DELTA m666']],
    );
  }
});

test('REF4 what takes its place may be refused too; the next one does', async (t) => {
  const driver = await held();
  const writes = [2, 667, 668, 669].map((value, i) => write(i, { id: `m${value}`, field: 'f', value }, 2_000 + i));
  const sent = await settled(driver, driver.give({ d: writes }));
  const answers = toOne(sent)
    .map(brief)
    .filter((text) => !text.startsWith('f='));
  t.strictSame(answers.sort(), [
    'ack m2',
    'error INVALID_DELTA m667',
    'error INVALID_DELTA m668',
    'error INVALID_DELTA m669',
  ]);
  t.strictSame(await driver.storage.stored('d'), ['f=2']);
});

test('REF4 a write that is stored meanwhile stays, and a later one is not undone', async (t) => {
  const driver = await held();
  const tasks = [
    driver.give({ d: [write(1, { id: 'bad', field: 'f', value: 666 }, 3_000)] }),
    driver.give({ d: [write(2, { id: 'm', field: 'f', value: 2 }, 4_000)] }),
  ];
  const sent = await settled(driver, ...tasks);
  t.strictSame(toAll(sent).map(brief), ['f=666', 'f=2'], 'nothing to take back');
  t.strictSame(toOne(sent).map(brief), ['error INVALID_DELTA bad', 'ack m']);
  t.strictSame(await driver.storage.stored('d'), ['f=2']);
});

test('REF4 the same write sent twice has one fate', async (t) => {
  const driver = await held();
  const again = { id: 'bad', field: 'f', value: 666, clientId: 'c', clock: { c: 5 } };
  const tasks = [1, 2].map((session) => driver.give({ d: [write(session, again, 3_000)] }));
  const sent = await settled(driver, ...tasks);
  t.strictSame(
    toOne(sent)
      .map(brief)
      .filter((text) => text.startsWith('error')),
    ['error INVALID_DELTA bad', 'error INVALID_DELTA bad'],
  );
  t.equal(driver.storage.commits.filter((changes) => JSON.stringify(changes).includes('"value":"666"')).length, 1);
});

test('REF4 of very many writes that are refused in a row the oldest are sent again by their writers', async (t) => {
  const driver = await held();
  const first = driver.give({ e: [write(4, { id: 'm0', field: 'f', value: 1 })] });
  const good = driver.give({ d: [write(1, { id: 'good', field: 'f', value: 2 }, 2_000)] });
  const bad = driver.give({
    d: Array.from({ length: 40 }, (_, i) => write(2, { id: `bad${i}`, field: 'f', value: 700 + i }, 3_000 + i)),
  });
  const sent = await settled(driver, first, good, bad);
  t.strictSame(toOne(sent, 1).map(brief), ['error STORAGE_UNAVAILABLE good'], 'never an ack for what is not stored');
  t.strictSame(await driver.storage.stored('d'), ['f=1']);
  t.strictSame(await driver.state('d'), { f: 1 });
});

test('REF3 a client that saw the refused value and was away when it was taken back is sent the stored one', async (t) => {
  const driver = await held();
  const task = driver.give({ d: [write(1, { id: 'm', field: 'f', value: 666, clientId: 'c' }, 2_000)] });
  const shown = stampOf(toAll(driver.sent)[0]!.message);
  await settled(driver, task);
  await driver.run('d', [write(1, { id: 'm2', field: 'other', value: 1 }, 2_000)]);
  const vector = [
    ['server', shown],
    ['first', shown],
    ['c', shown],
  ] as const;
  const [answer] = toOne(await driver.run('d', [stateVector(origin(5, { encoding: 'json' }), vector)]));
  const operations = answer!.message['operations'] as { field: string; value: unknown }[];
  t.strictSame(operations.map(({ field, value }) => `${field}=${String(value)}`).sort(), ['f=1', 'other=1']);
});

test('REF3 so is one that comes back to the next worker, although what it saw later is stored', async (t) => {
  const driver = await held();
  const reader = origin(5, { encoding: 'json' });
  driver.storage.release();
  const [response] = toOne(await driver.run('d', [subscribe(reader)]));
  const client = new ModelDocument();
  client.receiveState({ f: 1 }, response!.message['clock']);
  driver.storage.hold();
  const before = driver.sent.length;
  const bad = { f: 666, never: 666, other: 1 };
  const task = driver.give({ d: [write(1, { id: 'm', delta: bad, clientId: 'c', clock: { c: 1 } }, 2_000)] });
  for (const { message } of toAll(driver.sent.slice(before)))
    client.receive(message['field'] as string, message['value'], message['clock'], 'c');
  t.equal(client.live, '{"f":666,"never":666,"other":1}');
  await settled(driver, task);

  const next = new ShardDriver({}, driver.storage);
  const [answer] = toOne(await next.run('d', [stateVector(reader, Object.entries(client.vector))]));
  const { operations, state, clock } = answer!.message as unknown as Resumed;
  t.equal(state, undefined, 'no more than it lacks');
  for (const { field, value } of operations) client.receive(field, value, clock, 'server');
  t.equal(client.live, '{"f":1,"other":1}');
});

test('what is kept for the case of a refusal counts as pending', async (t) => {
  const driver = await held();
  const large = 'x'.repeat(5_000);
  driver.storage.release();
  await driver.run('d', [write(1, { field: 'f', value: large }, 2_000)]);
  t.equal(driver.status!.pendingBytes, 0);
  driver.storage.hold();
  driver.give({ d: [write(1, { field: 'f', value: 2 }, 3_000)] });
  const withStored = driver.status!.pendingBytes;
  t.ok(withStored > large.length, 'the stored value');
  const task = driver.give({ d: [write(2, { field: 'f', value: large }, 2_500)] });
  t.ok(driver.status!.pendingBytes > withStored + large.length, 'and a write that lost');
  await settled(driver, task);
  t.equal(driver.status!.pendingBytes, 0);
});
