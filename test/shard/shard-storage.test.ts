import { test } from 'tap';
import { ReferenceFields } from '#core-wasm/reference';
import { pino } from 'pino';
import { ControlledStorage } from '../support/parts/controlled-storage.js';
import { until } from '../support/nodes/server.js';
import { brief, origin, ShardDriver, stampOf, subscribe, toAll, toOne, write } from '../support/parts/shard-driver.js';

const json = origin(9, { encoding: 'json' });

/** Until the wall clock has moved on, so that no document's L is ahead of it. */
async function nextMillisecond(): Promise<void> {
  const now = Date.now();
  while (Date.now() <= now + 1) await new Promise((resolve) => setImmediate(resolve));
}

/** A shard in whose storage some documents of 4 kB are. */
async function driverWith(...ids: string[]): Promise<ShardDriver> {
  const driver = new ShardDriver();
  for (const id of ids) await driver.run(id, [write(1, { field: 'f', value: 'x'.repeat(4_000) })]);
  await nextMillisecond();
  return driver;
}

test('ACK1 updates go out at once, acks when the write is stored', async (t) => {
  const driver = new ShardDriver();
  await driver.state('d');
  driver.storage.hold();
  const task = driver.give({ d: [write(1, { id: 'm', field: 'f', value: 1 })] });
  t.strictSame(driver.sent.slice(1).map(brief), ['f=1']);
  await new Promise((resolve) => setImmediate(resolve));
  t.strictSame([toOne(driver.sent, 1), driver.settled.includes(task)], [[], false]);
  t.ok(driver.status!.pendingBytes > 0);
  driver.storage.release();
  await until('the ack', () => driver.settled.includes(task));
  t.strictSame(toOne(driver.sent, 1).map(brief), ['ack m']);
  t.strictSame([driver.status?.pendingBytes, driver.status?.storageHealthy], [0, true]);
  t.strictSame(await driver.storage.stored('d'), ['f=1']);
});

test('a document is loaded once, whatever comes for it meanwhile', async (t) => {
  const driver = new ShardDriver();
  driver.storage.hold();
  driver.give({ d: [write(1, { id: 'm1', field: 'f', value: 1 }, 1_000), subscribe(json)] });
  driver.give({ d: [write(1, { id: 'm2', field: 'f', value: 2 }, 2_000)], e: [subscribe(json)] });
  t.strictSame(driver.sent, []);
  driver.storage.release();
  await until('all is settled', () => driver.settled.length === 2);
  t.strictSame(driver.storage.loads, [['d'], ['e']]);
  t.strictSame(toAll(driver.sent).map(brief), ['f=1', 'f=2']);
});

test('contract 8: what is acknowledged of a task is settled before the rest, and does not come again', async (t) => {
  const driver = await driverWith('here');
  const { storage } = driver;
  const load = storage.load.bind(storage);
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  storage.load = async (ids) => gate.then(() => load(ids));
  const task = driver.give({
    away: [write(1, { id: 'm1', field: 'f', value: 1 })],
    here: [write(1, { id: 'm2', field: 'f', value: 2 })],
  });
  await until('the ack', () => toOne(driver.sent, 1).map(brief).includes('ack m2'));
  t.strictSame([driver.settledGroups, driver.settled.includes(task)], [[[task, 1]], false]);
  open();
  await until('the rest', () => driver.settled.includes(task));
  t.strictSame(driver.settledGroups, [[task, 1]], 'the last of them settles the task as a whole');

  const before = driver.settledGroups.length;
  driver.give({ here: [subscribe(json)], away: [subscribe(json)] });
  t.equal(driver.settledGroups.length, before, 'nor does a task that is answered at once');
});

test('SUB5 a document that can’t be loaded is an error for each who asked, and never empty', async (t) => {
  const driver = new ShardDriver();
  await driver.run('d', [write(1, { field: 'f', value: 1 })]);
  const later = new ShardDriver({}, driver.storage);
  driver.storage.failLoads = ['*'];
  const sent = await later.run('d', [
    write(1, { messageId: 'm1', id: 'x', field: 'f', value: 2 }),
    write(1, '{"id":"m2"'),
    subscribe(json, { requestId: 'q' }),
  ]);
  t.strictSame(toOne(sent).map(brief), [
    'error STORAGE_UNAVAILABLE m1',
    'error STORAGE_UNAVAILABLE m2',
    'error STORAGE_UNAVAILABLE q',
  ]);
  t.strictSame(
    toOne(sent).map(({ kind }) => kind),
    ['reply', 'reply', 'lastOfRead'],
    'the read is over with it',
  );
  t.strictSame(toAll(sent), []);
  driver.storage.failLoads = [];
  t.strictSame(await later.state('d'), { f: 1 }, 'the next one to ask finds it');
  t.strictSame(await driver.storage.stored('d'), ['f=1']);
});

test('ERR3 who nests his message in payload is told which one could not be loaded', async (t) => {
  const driver = new ShardDriver();
  driver.storage.failLoads = ['*'];
  const text = '{"type":"delta","id":"x","timestamp":1,"payload":{"messageId":"m","field":"f","value":1}}';
  const sent = await driver.run('d', [{ ...write(json, text), form: 'json' }]);
  t.strictSame(toOne(sent).map(brief), ['error STORAGE_UNAVAILABLE m']);
});

test('CON6 a document that can’t be read does not take others with it', async (t) => {
  const driver = new ShardDriver();
  driver.storage.failLoads = ['bad'];
  const ids = ['a', 'bad', 'b'];
  driver.give(Object.fromEntries(ids.map((id, i) => [id, [write(i, { id, field: 'f', value: 1 })]])));
  await until('all is settled', () => driver.settled.length === 1);
  t.strictSame(toOne(driver.sent).map(brief).sort(), ['ack a', 'ack b', 'error STORAGE_UNAVAILABLE bad']);
});

test('many documents of one task are loaded in few requests', async (t) => {
  const driver = new ShardDriver();
  const ids = Array.from({ length: 200 }, (_, i) => `d${i}`);
  driver.give(Object.fromEntries(ids.map((id) => [id, [write(1, { id, field: 'f', value: 1 })]])));
  await until('all is settled', () => driver.settled.length === 1);
  t.equal(driver.storage.loads.length, 4);
  t.strictSame(driver.storage.loads.flat(), ids);
  t.equal(toOne(driver.sent).length, 200);
});

test('ACK5 while the storage fails writes are shown, up to a bound, and acknowledged later', async (t) => {
  const driver = new ShardDriver({ maxPendingBytes: 5_000 });
  await driver.state('d');
  driver.storage.failCommits = true;
  for (let i = 0; i < 10; i++)
    driver.give({ d: [write(1, { id: `m${i}`, field: `f${i}`, value: 'x'.repeat(1_000) })] });
  const shown = toAll(driver.sent).length;
  t.ok(shown >= 4 && shown < 10, `${shown} were shown`);
  const refused = toOne(driver.sent, 1).map(brief);
  t.strictSame(
    refused,
    Array.from({ length: 10 - shown }, (_, i) => `error STORAGE_UNAVAILABLE m${shown + i}`),
  );
  await until('the shard knows', () => driver.status?.storageHealthy === false);
  driver.storage.failCommits = false;
  await driver.shard.idle();
  t.strictSame(
    toOne(driver.sent, 1).map(brief).slice(refused.length),
    Array.from({ length: shown }, (_, i) => `ack m${i}`),
  );
  t.equal(Object.keys(await driver.state('d')).length, shown, 'nothing of what was refused was applied');
  t.equal(driver.status?.storageHealthy, true);
  await driver.run('d', [write(1, { id: 'after', field: 'f', value: 1 })]);
  t.equal(toOne(driver.sent, 1).map(brief).at(-1), 'ack after');
});

test('contract 10: idle documents are unloaded, and come back the same with an L that does not go back', async (t) => {
  const driver = new ShardDriver({ maxLoadedBytes: 1 });
  const stamps: number[] = [];
  for (let round = 1; round <= 5; round++) {
    const sent = await driver.run('d', [
      write(1, { field: `f${round}`, value: round }),
      write(1, { field: 'g', type: 'delete' }),
    ]);
    stamps.push(...toAll(sent).map(({ message }) => stampOf(message)));
    await nextMillisecond();
    const [answer] = toOne(await driver.run('d', [subscribe(json)]));
    stamps.push(stampOf(answer!.message));
    t.equal(Object.keys(answer!.message['state'] as object).length, round);
    await nextMillisecond();
    await driver.run('other', [subscribe(json)]);
  }
  t.ok(driver.storage.loads.flat().filter((id) => id === 'd').length > 1, 'it was unloaded');
  t.ok(
    stamps.every((stamp, i) => i === 0 || stamp > stamps[i - 1]!),
    stamps.join(' '),
  );
});

test('ORD5 contract 10: a document whose L is not past is not unloaded: it would go back', async (t) => {
  const driver = new ShardDriver({ maxLoadedBytes: 1 });
  const stamps: number[] = [];
  for (let i = 0; i < 200; i++) stamps.push(stampOf(toOne(await driver.run('d', [subscribe(json)]))[0]!.message));
  t.ok(
    stamps.every((stamp, i) => i === 0 || stamp > stamps[i - 1]!),
    stamps.join(' '),
  );
});

test('contract 10: the least recently used go first, what is not stored stays', async (t) => {
  const { storage } = await driverWith('a', 'b');
  const driver = new ShardDriver({ core: new ReferenceFields(), maxLoadedBytes: 18_000 }, storage);
  storage.loads.length = 0;
  storage.failCommits = true;
  driver.give({ c: [write(1, { field: 'f', value: 'x'.repeat(4_000) })] });
  // `c` is the one not used for longest.
  for (const id of ['a', 'b', 'b', 'c', 'b']) {
    await nextMillisecond();
    await driver.run(id, [subscribe(json)]);
  }
  t.strictSame(storage.loads.flat(), ['c', 'a', 'b']);
  await driver.run('a', [subscribe(json)]);
  t.strictSame(storage.loads.flat(), ['c', 'a', 'b', 'a'], '`a` had to go');
  storage.failCommits = false;
  await driver.shard.idle();
});

test('a document that is loaded while memory is short is not unloaded before it is used', async (t) => {
  const { storage } = await driverWith('b');
  // A commit of another document ends at any moment before, in and after the load.
  for (storage.commitTicks = 0; storage.commitTicks < 20; storage.commitTicks++) {
    const driver = new ShardDriver({ maxLoadedBytes: 1 }, storage);
    await driver.run('a', [subscribe(json)]);
    driver.give({ a: [write(1, { id: 'm', field: 'f', value: storage.commitTicks })], b: [subscribe(json)] });
    await until('both are settled', () => driver.settled.length === 2);
    t.match(toOne(driver.sent, 9).at(-1)?.message, { type: 'sync_response', documentId: 'b', state: { f: /x/ } });
    await nextMillisecond();
  }
});

test('SUB1 ORD5 a shard that begins anew on the same storage has the same state and a larger L', async (t) => {
  const driver = new ShardDriver();
  const ahead = (Date.now() + 30_000) * 1024;
  const sent = await driver.run('d', [
    write(1, { delta: { a: 1, gone: { __deleted: true } }, clientId: 'w', vectorClock: { w: ahead } }, 1_000),
    write(1, { field: 'b', value: 2, clientId: 'w' }, 1_000),
  ]);
  const before = toAll(sent).map(({ message }) => stampOf(message));
  t.ok(
    before.every((stamp) => stamp > ahead),
    'ahead of the wall clock',
  );
  // What reads are told is stored nowhere.
  for (let i = 0; i < 5; i++) before.push(stampOf(toOne(await driver.run('d', [subscribe(json)]))[0]!.message));
  const later = new ShardDriver({}, driver.storage);
  t.strictSame(await later.state('d'), { a: 1, b: 2 });
  const after = await later.run('d', [write(2, { field: 'gone', value: 1 }, 900), write(2, { field: 'c', value: 3 })]);
  t.strictSame(toAll(after).map(brief), ['c=3'], 'the removal is still known');
  for (const { message } of after.filter((entry) => entry.message.type === 'delta'))
    t.ok(stampOf(message) > Math.max(...before));
});

test('what the storage can never take is refused before it is merged, with all of its message', async (t) => {
  class PickyStorage extends ControlledStorage {
    reasonAgainst({ value, clientId }: { readonly value: string; readonly clientId: string }) {
      return value === '"bad"' && clientId === 'node-test' ? 'it is bad' : undefined;
    }
  }
  const storage = new PickyStorage();
  const driver = new ShardDriver({ storage }, storage);
  const sent = await driver.run('d', [
    write(1, { id: 'm1', delta: { good: 1, f: 'bad' } }),
    write(1, { id: 'm2', delta: { other: 2 } }),
  ]);
  t.strictSame(toOne(sent, 1).map(brief), ['error INVALID_DELTA m1', 'ack m2']);
  t.match(toOne(sent, 1)[0]?.message['error'], /^Invalid delta message: it is bad/);
  t.strictSame(toAll(sent).map(brief), ['other=2']);
  t.strictSame(await driver.state('d'), { other: 2 });
});

test('while the storage can’t be read, that is logged once and not for every document', async (t) => {
  const levels: string[] = [];
  const log = pino(
    { level: 'debug' },
    { write: (line) => levels.push((JSON.parse(line) as { level: number }).level >= 50 ? 'error' : 'debug') },
  );
  const driver = new ShardDriver({ log });
  driver.storage.failLoads = ['*'];
  for (const id of ['a', 'b', 'c']) await driver.run(id, [subscribe(1)]);
  t.strictSame(levels, ['error', 'debug', 'debug']);
  driver.storage.failLoads = ['d'];
  await driver.run('a', [subscribe(1)]);
  await driver.run('d', [subscribe(1)]);
  t.strictSame(levels.slice(3), ['error']);
});
