/** Which writes their writers are sent, and when. */
import { test } from 'tap';
import { isClaim } from '../../../src/protocol/claims.js';
import { variants, type Origin, type TaskRecord } from '../../../src/messages/task.js';
import {
  brief,
  origin,
  ShardDriver,
  stampOf,
  subscribe,
  toAll,
  toOne,
  write,
} from '../../support/parts/shard-driver.js';
import { until } from '../../support/nodes/server.js';

const plain = variants.binaryDelta | variants.binaryAny;
const batch = variants.binaryBatch | variants.binaryAny;
const DAY = 1_800_000_000_000;

/** A write of a client that counts, and has seen stamps up to `seen`. */
function counted(from: number | Origin, field: string, value: unknown, counter: number, seen = counter): TaskRecord {
  const session = typeof from === 'number' ? from : from.session;
  const clientId = `c${session}`;
  return write(from, { field, value, clientId, clock: { server: seen, [clientId]: counter } });
}

/** What is published, as `<field>=<value> to all` or `… to all but <session>`, and what sessions are sent. */
function sent(driver: ShardDriver, from = 0): string[] {
  return driver.sent
    .slice(from)
    .filter(({ message }) => message.type !== 'ack' && message.type !== 'sync_response')
    .map((entry) => {
      if (entry.to === 'one') return `${brief(entry)} to ${entry.session}`;
      return `${brief(entry)} to all${entry.except === 0 ? '' : ` but ${entry.except}`}`;
    });
}

async function late(driver: ShardDriver, session: number): Promise<string> {
  const before = driver.sent.length;
  await until('an echo', () => toOne(driver.sent.slice(before), session).length > 0);
  return brief(toOne(driver.sent.slice(before), session)[0]!);
}

test('ECHO1 a write that its client shows goes to all others', async (t) => {
  const driver = new ShardDriver();
  await driver.run('d', [subscribe(1), subscribe(2)]);
  for (let key = 1; key <= 3; key++) await driver.run('d', [counted(1, 'f', key, key)]);
  t.strictSame(sent(driver), ['f=1 to all but 1', 'f=2 to all but 1', 'f=3 to all but 1']);
  // Another has seen it, and writes above it.
  const seen = stampOf(toAll(driver.sent).at(-1)!.message);
  const before = driver.sent.length;
  await driver.run('d', [counted(2, 'f', 4, seen + 1)]);
  t.strictSame(sent(driver, before), ['f=4 to all but 2']);
});

test('ECHO1 a flush of several writers is a frame for each, in the order of stamps', async (t) => {
  const driver = new ShardDriver();
  const one = origin(1, { supportsBatch: true });
  await driver.run(
    'd',
    [counted(one, 'a', 1, 1), counted(one, 'b', 1, 2), counted(2, 'c', 1, 1), counted(1, 'd', 1, 3)],
    batch,
  );
  t.strictSame(sent(driver), ['a=1 b=1 to all but 1', 'c=1 to all but 2', 'd=1 to all but 1']);
  const stamps = toAll(driver.sent).flatMap(({ message }) =>
    (message['deltas'] as object[]).map((e) => stampOf({ ...e })),
  );
  t.strictSame(
    stamps,
    [...stamps].sort((a, b) => a - b),
  );
});

test('ECHO1 of several writes of a field in one flush the last decides', async (t) => {
  const driver = new ShardDriver();
  await driver.run('d', [counted(2, 'f', 0, 1)]);
  const stamp = stampOf(toAll(driver.sent)[0]!.message);
  const before = driver.sent.length;
  await driver.run('d', [counted(1, 'f', 1, 1), counted(1, 'f', 2, stamp + 1)]);
  t.strictSame(sent(driver, before), ['f=2 to all but 1']);
});

test('ECHO1 a writer that is alone is sent nothing that it shows', async (t) => {
  const driver = new ShardDriver();
  await driver.run('d', [subscribe(1)]);
  const before = driver.sent.length;
  driver.give({ d: [counted(1, 'f', 1, 1)] }, plain, true);
  t.strictSame(sent(driver, before), []);
  t.strictSame(await driver.state('d'), { f: 1 });
});

test('ECHO2 a write that its client hides is sent to it, too, and raises its count', async (t) => {
  const driver = new ShardDriver();
  await driver.run('d', [counted(2, 'f', 0, 1)]);
  let before = driver.sent.length;
  await driver.run('d', [counted(1, 'f', 1, 7)]);
  t.strictSame(sent(driver, before), ['f=1 to all']);
  const clock = toAll(driver.sent).at(-1)!.message['clock'] as Record<string, number>;
  t.equal(clock['c1'], clock['server']);
  before = driver.sent.length;
  await driver.run('d', [counted(1, 'f', 2, clock['c1']! + 1)]);
  t.strictSame(sent(driver, before), ['f=2 to all but 1'], 'the next is above it');
});

test('ECHO2 what a read, an answer to a lost write or an update of others brought hides a write', async (t) => {
  const driver = new ShardDriver();
  const old = { timestamp: DAY - 1_000 };
  await driver.run('d', [write(2, { deltas: [{ field: 'f', value: 0, ...old }] })]);
  const answers = toOne(await driver.run('d', [subscribe(1)]), 1);
  const stamp = Math.max(...answers.map(({ message }) => stampOf(message)));
  let before = driver.sent.length;
  await driver.run('d', [counted(1, 'f', 1, stamp - 1)]);
  t.strictSame(sent(driver, before), ['f=1 to all'], 'not above the answer to its read');
  await driver.run('d', [write(2, { field: 'f', value: 2 })]);
  before = driver.sent.length;
  const update = stampOf(toAll(driver.sent).at(-1)!.message);
  await driver.run('d', [counted(3, 'f', 3, update, update)]);
  t.strictSame(sent(driver, before), ['f=3 to all'], 'not above the update of another');
  before = driver.sent.length;
  await driver.run('d', [write(4, { field: 'f', value: 'lost', clientId: 'c4', clock: { c4: 1 } }, 1)]);
  const [answer] = toOne(driver.sent.slice(before), 4);
  t.equal(brief(answer!), 'f=3');
  before = driver.sent.length;
  await driver.run('d', [counted(4, 'f', 4, stampOf(answer!.message) + 1)]);
  t.strictSame(sent(driver, before), ['f=4 to all but 4'], 'above the answer to the lost write');
});

test('ECHO2 the first write of who joined is sent to it, also when the answer to a second read crossed it', async (t) => {
  const driver = new ShardDriver();
  t.teardown(() => driver.shard.close());
  await driver.run('d', [counted(2, 'f', 0, 1)]);
  const [first] = toOne(await driver.run('d', [subscribe(1)]), 1);
  await driver.run('d', [subscribe(1)]);
  // Longer than what counts as one with the answer.
  await new Promise((resolve) => setTimeout(resolve, 50));
  const before = driver.sent.length;
  await driver.run('d', [counted(1, 'f', 1, 1, stampOf(first!.message))]);
  t.strictSame(sent(driver, before), ['f=1 to all']);
});

test('ECHO3 writes that were on their way when an echo went out are answered once, after a pause', async (t) => {
  const driver = new ShardDriver();
  t.teardown(() => driver.shard.close());
  await driver.run('d', [counted(2, 'f', 0, 1)]);
  await driver.run('d', [counted(1, 'f', 1, 1)]);
  const before = driver.sent.length;
  await driver.run('d', [counted(1, 'f', 2, 2)]);
  await driver.run('d', [counted(1, 'f', 3, 3)]);
  t.strictSame(sent(driver, before), ['f=2 to all but 1', 'f=3 to all but 1']);
  t.equal(await late(driver, 1), 'f=3');
  const clock = toOne(driver.sent, 1).at(-1)!.message['clock'] as Record<string, number>;
  t.equal(clock['c1'], clock['server'], 'it raises the count');
});

test('ECHO3 who writes above the echo, or is sent an update of others, is owed nothing any more', async (t) => {
  const driver = new ShardDriver();
  t.teardown(() => driver.shard.close());
  await driver.run('d', [write(9, { delta: { f: 0, g: 0, h: 0 } })]);
  await driver.run('d', [counted(1, 'f', 1, 1), counted(1, 'g', 1, 2), counted(1, 'h', 1, 3)]);
  const echo = stampOf(toAll(driver.sent).at(-1)!.message);
  await driver.run('d', [counted(1, 'f', 2, 4), counted(1, 'g', 2, 5), counted(1, 'h', 2, 6)]);
  await driver.run('d', [counted(1, 'f', 3, echo + 1)]);
  await driver.run('d', [counted(2, 'g', 3, echo + 100)]);
  const before = driver.sent.length;
  t.equal(await late(driver, 1), 'h=2');
  t.strictSame(sent(driver, before), ['h=2 to 1']);
});

test('ECHO3 a document of which an echo is owed is not unloaded before that is sent', async (t) => {
  const driver = new ShardDriver({ maxLoadedBytes: 1 });
  t.teardown(() => driver.shard.close());
  driver.give({ d: [counted(2, 'f', 0, 1)] });
  driver.give({ d: [counted(1, 'f', 1, 1)] });
  await driver.run('d', [counted(1, 'f', 2, 2)]);
  const loads = (): number => driver.storage.loads.flat().filter((id) => id === 'd').length;
  const before = loads();
  for (let i = 0; loads() === before; i++) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    await driver.run(`other${i}`, [subscribe(2)]);
    await driver.run('d', [subscribe(3)]);
  }
  t.ok(sent(driver).includes('f=2 to 1'), sent(driver).join(', '));
});

test('ECHO3 a state that comes with the count of a field that it lacks hides its write', async (t) => {
  const driver = new ShardDriver();
  t.teardown(() => driver.shard.close());
  await driver.run('d', [write(9, { field: 'other', value: 0 }), subscribe(1)]);
  const read = stampOf(driver.sent.find(({ message }) => message.type === 'sync_response')!.message);
  const before = driver.sent.length;
  await driver.run('d', [counted(1, 'f', 1, read, read - 1)]);
  t.strictSame(sent(driver, before), ['f=1 to all but 1']);
  t.equal(await late(driver, 1), 'f=1');
});

test('ECHO4 a client without a clock is not sent its writes, unless an update may have crossed them', async (t) => {
  const driver = new ShardDriver();
  t.teardown(() => driver.shard.close());
  await driver.run('d', [write(1, { field: 'f', value: 1 }), write(2, { field: 'g', value: 1 })]);
  t.strictSame(sent(driver), ['f=1 to all but 1', 'g=1 to all but 2']);
  await driver.run('d', [write(1, { field: 'g', value: 2 }), write(1, { field: 'f', value: 2 })]);
  t.strictSame(sent(driver).slice(2), ['g=2 to all but 1', 'f=2 to all but 1']);
  t.equal(await late(driver, 1), 'g=2', 'of the field that another wrote');
});

test('ECHO6 updates raise the counts of those who wrote the field, or others, on this node', async (t) => {
  const driver = new ShardDriver();
  await driver.run('d', [counted(1, 'f', 1, 1), counted(2, 'g', 1, 1), counted(3, 'h', 1, 1)]);
  const before = driver.sent.length;
  await driver.run('d', [counted(2, 'f', 2, 5)]);
  const { clock } = toAll(driver.sent.slice(before))[0]!.message as unknown as { clock: Record<string, number> };
  const writers = Object.entries(clock).filter(([id]) => !isClaim(id));
  t.strictSame(writers.map(([id]) => id).sort(), ['c1', 'c2', 'c3', 'server']);
  for (const [, count] of writers) t.equal(count, clock['server']);
  const read = toOne(await driver.run('d', [subscribe(7)]), 7)[0]!.message as unknown as { clock: typeof clock };
  const raised = Object.entries(read.clock).filter(([id]) => !isClaim(id));
  t.strictSame(new Set(raised.map(([, count]) => count)).size, 1, 'an answer to a read raises all of them');
});
