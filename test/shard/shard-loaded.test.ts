/** What documents in memory cost, and that nobody keeps them there. */
import { test } from 'tap';
import { nextMillisecond } from '../support/next-millisecond.js';
import { origin, ShardDriver, stampOf, subscribe, toOne, write } from '../support/parts/shard-driver.js';

const json = origin(9, { encoding: 'json' });

test('contract 10: small documents count with what they take beside the core', async (t) => {
  const driver = new ShardDriver({ maxLoadedBytes: 100_000 });
  for (let i = 0; i < 100; i++) {
    await driver.run(`d${i}`, [write(1, { field: 'f', value: i })]);
    await nextMillisecond();
  }
  await driver.run('d0', [subscribe(json)]);
  t.ok((driver.status?.documents ?? 100) <= 26, `${driver.status?.documents} documents are loaded`);
  t.strictSame(await driver.state('d50'), { f: 50 });
});

test('contract 10: a reader whose vector is ahead of the clock keeps no document in memory', async (t) => {
  const driver = new ShardDriver({ maxLoadedBytes: 1 });
  const seen = (Date.now() + 50_000) * 1024;
  await driver.run('d', [write(1, { field: 'f', value: 1 })]);
  const [answer] = toOne(await driver.run('d', [subscribe(json, { vector: [['w', seen]] })]));
  const before = stampOf(answer!.message);
  t.ok(before > seen, 'the client takes what it is told');
  driver.storage.loads.length = 0;
  await nextMillisecond();
  await driver.run('other', [subscribe(json)]);
  const [again] = toOne(await driver.run('d', [subscribe(json)]));
  t.strictSame(driver.storage.loads.flat(), ['other', 'd'], 'it was unloaded');
  t.ok(stampOf(again!.message) > before, 'and its L did not go back');
});
