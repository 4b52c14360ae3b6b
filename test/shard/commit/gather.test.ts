/** Under load, commits are gathered. */
import { test } from 'tap';
import { until } from '../../support/nodes/server.js';
import { brief, ShardDriver, toOne, write } from '../../support/parts/shard-driver.js';

/** A time that does not end while a test runs. */
const ENDLESS = 100_000_000;

test('ACK1 after a commit, what is merged within a time is committed and acknowledged together', async (t) => {
  const driver = new ShardDriver({ commitGatherMs: 300 });
  await driver.run('a', [write(1, { id: 'm1', field: 'f', value: 1 })]);
  t.equal(driver.storage.commits.length, 1, 'the first after a pause waits for nothing');
  for (let i = 2; i <= 6; i++) {
    driver.give({ a: [write(i, { id: `m${i}`, field: `f${i}`, value: i })] });
    // A commit of its own would end meanwhile.
    for (let turns = 0; turns < 10; turns++) await new Promise((resolve) => setImmediate(resolve));
  }
  await until('the acks', () => driver.settled.length === 6);
  t.ok(driver.storage.commits.length < 6);
  t.strictSame(
    toOne(driver.sent).map(brief),
    [1, 2, 3, 4, 5, 6].map((i) => `ack m${i}`),
  );
});

test('DUR1 where updates wait for the commit, it is not gathered', async (t) => {
  const driver = new ShardDriver({ commitGatherMs: ENDLESS, publish: { when: 'durable', graceMs: ENDLESS } });
  for (const i of [1, 2, 3]) {
    await driver.run('a', [write(1, { id: `m${i}`, field: 'f', value: i })]);
    t.equal(driver.storage.commits.length, i);
  }
});

test('a batch that is full, and the acks of what is stored already, wait for no time', async (t) => {
  const driver = new ShardDriver({ commitGatherMs: ENDLESS, limits: { maxFields: 10_000, maxBytes: 10_000_000 } });
  await driver.run('a', [write(1, { id: 'm1', field: 'f', value: 1 }, 5_000)]);
  await driver.run('a', [write(2, { id: 'm2', field: 'f', value: 2 }, 1_000)]);
  t.equal(driver.storage.commits.length, 1);
  const task = driver.give({ a: [write(1, { id: 'm3', field: 'g', value: 3 })] });
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(driver.settled.includes(task), false);
  const deltas = Array.from({ length: 1_500 }, (_, i) => ({ field: `f${i}`, value: i }));
  driver.give({ b: [write(1, { id: 'm4', deltas })] });
  await until('the second commit', () => driver.settled.includes(task));
  t.equal(driver.storage.commits.length, 2);
});

test('a batch that is just full waits for no more', async (t) => {
  const driver = new ShardDriver({ commitGatherMs: ENDLESS });
  await driver.run('a', [write(1, { id: 'm1', field: 'f', value: 1 })]);
  const deltas = Array.from({ length: 1_000 }, (_, i) => ({ field: `f${i}`, value: i }));
  await driver.run('b', [write(1, { id: 'm2', deltas })]);
  t.equal(driver.storage.commits.length, 2);
});

test('what failed is tried again, and what came meanwhile follows by itself', async (t) => {
  const driver = new ShardDriver({ commitGatherMs: 100 });
  driver.storage.failCommits = true;
  driver.give({ a: [write(1, { id: 'm1', field: 'f', value: 1 })] });
  await until('the failure', () => driver.status?.storageHealthy === false);
  driver.give({ b: [write(1, { id: 'm2', field: 'f', value: 2 })] });
  driver.storage.failCommits = false;
  await until('the acks', () => driver.settled.length === 2);
  t.strictSame(toOne(driver.sent).map(brief), ['ack m1', 'ack m2']);
});
