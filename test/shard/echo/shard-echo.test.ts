/** When a writer that is alone is sent what its client does not show. */
import { test } from 'tap';
import { variants, type Origin, type TaskRecord } from '../../../src/messages/task.js';
import { ControlledStorage } from '../../support/parts/controlled-storage.js';
import {
  brief,
  origin,
  ShardDriver,
  stateVector,
  subscribe,
  toAll,
  toOne,
  write,
  type Sent,
} from '../../support/parts/shard-driver.js';
import { until } from '../../support/nodes/server.js';

const plain = variants.binaryDelta | variants.binaryAny;
const supportsBatch = variants.jsonBatch | variants.jsonAny;

/** Everything in the order of sending: `all <what>` for what is published, else the session's number. */
function inShort(sent: readonly Sent[]): string[] {
  return sent.map((entry) => `${entry.to === 'all' ? 'all' : entry.session} ${brief(entry)}`);
}

/** A shard that has the documents in memory, with commits held back. */
async function held(): Promise<ShardDriver> {
  const driver = new ShardDriver({}, new ControlledStorage());
  const delta = { f: 0, g: 0, old: 0 };
  await driver.run('d', [write(9, { delta }, 1)], 0);
  await driver.run('e', [write(9, { delta }, 1)], 0);
  driver.sent.length = 0;
  driver.storage.hold();
  return driver;
}

/** A write of fields that its client was sent with larger stamps, so that it does not show it. */
function hidden(from: number | Origin, payload: object, timestamp?: number): TaskRecord {
  return write(from, { clientId: 'me', clock: { me: 1 }, ...payload }, timestamp);
}

async function acked(driver: ShardDriver, count: number): Promise<string[]> {
  driver.storage.release();
  await until('the acks', () => toOne(driver.sent).filter(({ message }) => message.type === 'ack').length === count);
  return inShort(driver.sent);
}

test('ECHO2 an echo that only its writer hears of comes with the ack, and before it', async (t) => {
  const driver = await held();
  driver.give(
    { d: [hidden(1, { id: 'm1', field: 'f', value: 1 }), hidden(1, { id: 'm2', field: 'g', value: 2 })] },
    plain,
    true,
  );
  driver.give(
    { e: [hidden(origin(2, { encoding: 'json', supportsBatch: true }), { id: 'm3', delta: { f: 1, g: 2 } })] },
    supportsBatch,
    true,
  );
  t.strictSame(driver.sent, [], 'not before it is durable');
  t.strictSame(await acked(driver, 3), ['1 f=1', '1 g=2', '1 ack m1', '1 ack m2', '2 f=1 g=2', '2 ack m3']);
});

test('ECHO2 an echo that others hear of does not wait', async (t) => {
  const driver = await held();
  driver.give({ d: [hidden(1, { id: 'm1', field: 'f', value: 1 })] }, plain, false);
  t.strictSame(inShort(driver.sent), ['all f=1']);
  t.strictSame(await acked(driver, 1), ['all f=1', '1 ack m1']);
});

test('FAN2 an update does not wait when another of its document is published', async (t) => {
  const driver = await held();
  driver.give({ d: [hidden(1, { id: 'm1', delta: { f: 1, g: 1 } }, 1_000)] }, plain, true);
  driver.give({ d: [hidden(1, { id: 'm2', field: 'old', value: 2 }, 1_001)] }, plain, true);
  driver.give({ e: [write(2, { id: 'm3', field: 'f', value: 1 }, 1_002)] }, plain, false);
  t.strictSame(inShort(driver.sent), ['all f=1'], 'of another document');
  // Somebody has come meanwhile.
  driver.give({ d: [write(3, { id: 'm4', field: 'f', value: 3 }, 1_003)] }, plain, false);
  const updates = ['all f=1', '1 f=1', '1 g=1', '1 old=2', 'all f=3'];
  t.strictSame(inShort(driver.sent), updates);
  t.strictSame(await acked(driver, 4), [...updates, '1 ack m1', '1 ack m2', '2 ack m3', '3 ack m4']);
});

test('FAN2 an update does not wait when operations are sent on, or when all of a later write loses', async (t) => {
  const driver = await held();
  const one = origin(1, { supportsBatch: true });
  driver.give({ d: [hidden(1, { id: 'm1', field: 'f', value: 1 })] }, plain, true);
  driver.give({ d: [write(one, { id: 'm2', deltas: [{ type: 'counter', counterId: 'c', delta: 1 }] })] }, plain, true);
  t.strictSame(
    driver.sent.map(({ to, message }) => `${to} ${message.type}`),
    ['one delta', 'all delta_batch'],
  );
  driver.give({ e: [hidden(2, { id: 'm3', field: 'f', value: 1 })] }, plain, true);
  driver.give({ e: [write(2, { id: 'm4', field: 'old', value: 1 }, 0)] }, plain, true);
  t.strictSame(inShort(driver.sent.slice(2)), ['2 f=1', '2 old=0']);
  t.strictSame((await acked(driver, 4)).slice(-4), ['1 ack m1', '1 ack m2', '2 ack m3', '2 ack m4']);
});

test('FAN2 an update does not wait when its document is read', async (t) => {
  const driver = await held();
  driver.give({ d: [hidden(1, { id: 'm1', field: 'f', value: 1 }), subscribe(1)] }, plain, true);
  driver.give({ e: [hidden(2, { id: 'm2', field: 'f', value: 2 })] }, plain, true);
  driver.give({ e: [stateVector(2, [])] }, plain, false);
  const first = inShort(driver.sent).filter((one, i, all) => all.findIndex((other) => other[0] === one[0]) === i);
  t.strictSame(first, ['1 f=1', '2 f=2']);
  t.strictSame((await acked(driver, 2)).slice(-2), ['1 ack m1', '2 ack m2']);
});

test('ORD4 a writer whose write loses is told what won at once, and with it what was held', async (t) => {
  const driver = await held();
  driver.give({ d: [hidden(1, { id: 'm1', field: 'f', value: 1 })] }, plain, true);
  driver.give({ d: [write(1, { id: 'm2', delta: { fresh: 1, old: 1 } }, 0)] }, plain, true);
  const updates = ['1 f=1', 'all fresh=1', '1 old=0'];
  t.strictSame(inShort(driver.sent), updates);
  t.strictSame(await acked(driver, 2), [...updates, '1 ack m1', '1 ack m2']);
});

test('ACK1 while commits fail a writer that is alone hears nothing, and then once', async (t) => {
  const driver = await held();
  driver.storage.failCommits = true;
  driver.storage.release();
  driver.give({ d: [hidden(1, { id: 'm1', field: 'f', value: 1 })] }, plain, true);
  await until('a failed commit', () => driver.status?.storageHealthy === false);
  t.strictSame(driver.sent, []);
  driver.storage.failCommits = false;
  t.strictSame(await acked(driver, 1), ['1 f=1', '1 ack m1']);
  t.strictSame(toAll(driver.sent), []);
});
