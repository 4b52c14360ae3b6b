/** Removed fields have bounds of their own; what is purged leaves a horizon that older writes can't cross. */
import { FieldsCore } from '@synckit/core-wasm';
import { test } from 'tap';
import type { Incoming } from '../../support/clients/client.js';
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
} from '../../support/parts/shard-driver.js';

const json = origin(9, { encoding: 'json' });
const small = { tombstones: { maxCount: 16, maxBytes: 1_000_000, maxAgeMs: 30 * 86_400_000 } };
const deleted = { __deleted: true };

/** Tombstones that are stored. */
async function tombstones(storage: ControlledStorage): Promise<string[]> {
  return (await storage.stored('d')).filter((field) => field.endsWith('={"__deleted":true}'));
}

/** Writes and removes fields one after the other, a millisecond apart. */
async function churn(driver: ShardDriver, count: number, from = 1_000): Promise<void> {
  for (let i = 0; i < count; i++) {
    await driver.run('d', [write(1, { field: `item-${i}`, value: i, clientId: 'a' }, from + 2 * i)]);
    await driver.run('d', [write(1, { field: `item-${i}`, value: deleted, clientId: 'a' }, from + 2 * i + 1)]);
  }
  await driver.shard.idle();
}

test('TMB1 a to-do list whose items come and go goes on for ever', async (t) => {
  const driver = new ShardDriver({ ...small, limits: { maxFields: 60, maxBytes: 1_000_000 } });
  for (let round = 0; round < 20; round++) {
    const items = Array.from({ length: 50 }, (_, i) => `item-${round}-${i}`);
    const sent = await driver.run(
      'd',
      items.map((field) => write(1, { field, value: round, messageId: field })),
    );
    t.equal(toOne(sent, 1).filter((entry) => brief(entry).startsWith('ack')).length, 50, `round ${round}`);
    await driver.run(
      'd',
      items.map((field) => write(1, { field, value: deleted })),
    );
  }
  await driver.shard.idle();
  t.ok((await tombstones(driver.storage)).length <= 16);
  t.strictSame(await driver.state('d'), {});
  const [refused] = toOne(
    await driver.run('d', [
      write(2, { delta: Object.fromEntries(Array.from({ length: 61 }, (_, i) => [`f${i}`, i])), messageId: 'm' }),
    ]),
    2,
  );
  t.equal(brief(refused!), 'error DOCUMENT_TOO_LARGE m', 'live fields are limited as ever');
});

test('TMB1 nobody spends the room of others by removing names that never existed', async (t) => {
  const core = new FieldsCore();
  const driver = new ShardDriver({
    core,
    limits: { maxFields: 1_000, maxBytes: 100_000 },
    tombstones: { maxCount: 10_000, maxBytes: 50_000, maxAgeMs: 30 * 86_400_000 },
  });
  await driver.run('d', [write(1, { field: 'mine', value: 'x'.repeat(50_000) })]);
  for (let i = 0; i < 400; i++) {
    await driver.run('d', [write(2, { field: `${'n'.repeat(1_000)}-${i}`, value: deleted })]);
  }
  await driver.shard.idle();
  t.ok((await tombstones(driver.storage)).length <= 50, 'they have a bound of their own');
  t.ok(core.memoryBytes < 1_000_000, `${core.memoryBytes} bytes`);
  const sent = await driver.run('d', [write(1, { field: 'more', value: 'y'.repeat(30_000), messageId: 'm' })]);
  t.equal(brief(toOne(sent, 1)[0]!), 'ack m');
});

test('TMB1 old tombstones are purged when their document is written or loaded', async (t) => {
  const limits = { tombstones: { maxCount: 1_000, maxBytes: 1_000_000, maxAgeMs: 300 } };
  const driver = new ShardDriver(limits);
  await churn(driver, 5);
  t.equal((await tombstones(driver.storage)).length, 5);
  await new Promise((resolve) => setTimeout(resolve, 400));
  t.equal((await tombstones(driver.storage)).length, 5, 'nobody looks at a document that nobody uses');
  await driver.run('d', [write(1, { field: 'live', value: 1 })]);
  await driver.shard.idle();
  t.strictSame(await tombstones(driver.storage), []);

  await churn(driver, 3, 100_000);
  await new Promise((resolve) => setTimeout(resolve, 400));
  const later = new ShardDriver(limits, driver.storage);
  t.strictSame(await later.state('d'), { live: 1 });
  await later.shard.idle();
  t.strictSame(await tombstones(driver.storage), [], 'on load');
});

test('TMB1 many tombstones of a former version are purged commit by commit', async (t) => {
  const former = new ShardDriver({ tombstones: { ...small.tombstones, maxCount: 1_000_000 } });
  const names = Array.from({ length: 5_000 }, (_, i) => `gone-${i}`);
  for (let i = 0; i < names.length; i += 1_000) {
    await former.run('d', [
      write(1, { delta: Object.fromEntries(names.slice(i, i + 1_000).map((n) => [n, deleted])) }),
    ]);
  }
  await former.shard.idle();
  const driver = new ShardDriver(small, former.storage);
  t.strictSame(await driver.state('d'), {});
  await driver.shard.idle();
  t.ok((await tombstones(driver.storage)).length <= 16);
  const purges = driver.storage.commits
    .flat()
    .flatMap(({ purge }) => (purge === undefined ? [] : [purge.fields.length]));
  t.ok(purges.length >= 5 && Math.max(...purges) <= 1_000, String(purges));
});

test('TMB2 an older write of a purged field loses and is answered, also after a restart', async (t) => {
  const driver = new ShardDriver(small);
  await churn(driver, 40);
  t.notOk(
    (await driver.storage.stored('d')).some((field) => field.startsWith('item-0=')),
    'purged',
  );
  const old = { field: 'item-0', value: 'back', clientId: 'offline', clock: { offline: 3 }, messageId: 'old' };
  for (const shard of [driver, new ShardDriver(small, driver.storage)]) {
    const sent = await shard.run('d', [write(3, old, 1_000)]);
    t.strictSame(toAll(sent), [], 'nobody sees it');
    t.strictSame(toOne(sent, 3).map(brief).sort(), ['ack old', 'item-0={"__deleted":true}']);
    const answer = toOne(sent, 3).find(({ message }) => message.type === 'delta')!;
    t.ok((answer.message['clock'] as Record<string, number>)['offline']! > 1_000_000, 'with a stamp above all');
    t.strictSame(await shard.state('d'), {});
  }
  const sent = await driver.run('d', [write(3, { ...old, messageId: 'new' }, Date.now())]);
  t.ok(toOne(sent, 3).some((entry) => brief(entry) === 'ack new'));
  t.strictSame(await driver.state('d'), { 'item-0': 'back' }, 'a newer one is taken');
});

test('TMB3 a slow clock does not matter to a writer who has seen what was purged', async (t) => {
  const driver = new ShardDriver(small);
  await churn(driver, 40, Date.now() - 10_000);
  const [answer] = toOne(await driver.run('d', [subscribe(json)]));
  const seen = (answer!.message['clock'] as Record<string, number>)['server']!;
  const slow = { field: 'new', value: 1, clientId: 'slow', clock: { slow: seen + 1 }, messageId: 'm' };
  const past = Date.now() - 300_000;
  await driver.run('d', [write(3, slow, past)]);
  t.strictSame(await driver.state('d'), { new: 1 });
  await driver.run('d', [write(3, slow, past)]);
  await driver.run('d', [write(4, { field: 'blind', value: 1, clientId: 'blind', clock: { blind: 7 } }, past)]);
  t.strictSame(await driver.state('d'), { new: 1 }, 'one who has not loses');
  await driver.shard.idle();
  t.ok((await driver.storage.stored('d')).includes('new=1'), 'and the storage takes it');
});

test('TMB4 who resumes from before the horizon gets the whole state', async (t) => {
  const driver = new ShardDriver(small);
  await driver.run('d', [write(1, { field: 'kept', value: 1, clientId: 'a' }, 500)]);
  const [first] = toOne(await driver.run('d', [subscribe(json)]));
  const before = Object.entries(first!.message['clock'] as Record<string, number>);
  await churn(driver, 40);
  const [old] = toOne(await driver.run('d', [subscribe(json, { vector: before })]));
  t.strictSame(old!.message['state'], { kept: 1 });
  const fields = (old!.message['deltas'] as Incoming[]).map(({ field }) => field as string);
  t.ok(fields.includes('kept') && fields.includes('item-39'), 'and all that is known, with newer stamps');
  const [step] = toOne(await driver.run('d', [stateVector(json, before)]));
  t.strictSame(step!.message['state'], { kept: 1 });

  const now = Object.entries(old!.message['clock'] as Record<string, number>);
  const [fresh] = toOne(await driver.run('d', [subscribe(json, { vector: now })]));
  t.notOk('state' in fresh!.message);
  // Besides what a writer was owed (SUB2): here those whose removals followed each other without a pause.
  const again = (fresh!.message['deltas'] as Incoming[]).map(({ field }) => field as string);
  t.notOk(again.includes('kept'), 'not the whole state once more');
});

test('TMB2 what another process purged meanwhile is taken back here', async (t) => {
  const storage = new ControlledStorage();
  const [here, there] = [new ShardDriver(small, storage), new ShardDriver(small, storage)];
  await here.run('d', [write(1, { field: 'live', value: 1 }, 500)]);
  await churn(there, 40);
  const sent = await here.run('d', [write(2, { field: 'item-0', value: 'old', messageId: 'm' }, 900)]);
  t.strictSame(sent.map(brief).slice(0, 2), ['item-0="old"', 'item-0={"__deleted":true}'], 'shown and taken back');
  t.equal(brief(toOne(sent, 2)[0]!), 'ack m');
  t.strictSame(await here.state('d'), { live: 1 });
  t.notOk((await storage.stored('d')).some((field) => field.startsWith('item-0=')));
  const again = await here.run('d', [write(2, { field: 'item-1', value: 'old' }, 900)]);
  t.strictSame(toAll(again), [], 'and the node knows the horizon now');
});
