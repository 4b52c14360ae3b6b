/** What clients that come back are answered, by what their clocks say. */
import { test } from 'tap';
import { recordKinds, variants, type TaskRecord } from '../../../src/messages/task.js';
import { pino } from 'pino';
import { MemoryHub } from '../../../src/cluster/memory/bus.js';
import type { Bus, BusEvents } from '../../../src/cluster/port.js';
import { ShardMetrics } from '../../../src/metrics/shard-metrics.js';
import type { FieldRow } from '../../../src/storage/port.js';
import type { Incoming } from '../../support/clients/client.js';
import { ControlledStorage } from '../../support/parts/controlled-storage.js';
import { brief, ShardDriver, stateVector, subscribe, toAll, toOne, write } from '../../support/parts/shard-driver.js';

type Clock = Readonly<Record<string, number>>;

const { binaryDelta, binaryAny, partialBinaryDelta } = variants;

/** A client that takes over every clock it sees, as SDKs do. */
class Follower {
  readonly clock: Record<string, number> = {};
  readonly fields: Record<string, unknown> = {};

  take(messages: readonly Incoming[]): void {
    for (const message of messages) {
      for (const [id, count] of Object.entries((message['clock'] ?? {}) as Clock)) {
        this.clock[id] = Math.max(this.clock[id] ?? 0, count);
      }
      if (message.type === 'delta') this.fields[message['field'] as string] = message['value'];
      for (const part of [message['deltas'], message['operations']]) this.take((part ?? []) as Incoming[]);
    }
  }

  get vector(): [string, number][] {
    return Object.entries(this.clock);
  }
}

function messagesOf(sent: readonly { readonly message: Incoming }[]): Incoming[] {
  return sent.map(({ message }) => message);
}

/** What a resume brings, by `sync_request` and by `sync_step1`: names of fields. */
async function resume(driver: ShardDriver, vector: [string, number][], clientId?: string): Promise<string[]> {
  const [response] = toOne(await driver.run('d', [subscribe(1, { vector, clientId })]));
  const [step2] = toOne(await driver.run('d', [stateVector(1, vector)]));
  const names = [response!.message['deltas'], step2!.message['operations']].map((entries) =>
    (entries as Incoming[]).map(({ field }) => field as string).sort(),
  );
  if (names[0]!.join() !== names[1]!.join()) throw new Error(`${names[0]!.join()} is not ${names[1]!.join()}`);
  return names[0]!;
}

function by(clientId: string, field: string, value: unknown = 1): TaskRecord {
  return write(9, { field, value, clientId });
}

async function following(driver: ShardDriver): Promise<Follower> {
  const follower = new Follower();
  follower.take(messagesOf(toOne(await driver.run('d', [subscribe(1)]))));
  return follower;
}

test('SUB2 who knows a commit gets the fields of later ones, and no others, also after a restart', async (t) => {
  const driver = new ShardDriver();
  await driver.run('d', [by('w', 'a'), by('w', 'b')]);
  const { vector } = await following(driver);
  t.strictSame(await resume(driver, vector), []);
  await driver.run('d', [by('w', 'b', 2)]);
  t.strictSame(await resume(driver, vector), ['b']);
  const restarted = new ShardDriver({}, driver.storage);
  t.strictSame(await resume(restarted, vector), ['b']);
  await restarted.run('d', [by('v', 'c')]);
  t.strictSame(await resume(restarted, vector), ['b', 'c']);
  t.strictSame(await resume(restarted, (await following(restarted)).vector), []);
});

test('SUB2, SUB4: what a writer has written meanwhile is not hidden by a later write of it', async (t) => {
  const driver = new ShardDriver();
  await driver.run('d', [by('w', 'a')]);
  const follower = await following(driver);
  await driver.run('d', [by('w', 'missed')]);
  // It writes and is a partial subscriber: the update that it gets says nothing of what was before.
  const update = toAll(await driver.run('d', [by('w', 'seen')], partialBinaryDelta | binaryAny));
  t.strictSame(Object.keys(update[0]!.message['clock'] as Clock), ['server', '#+', 'w']);
  follower.take(messagesOf(update));
  t.ok((await resume(driver, follower.vector)).includes('missed'));
  const stranger = new Follower();
  stranger.take(messagesOf(update));
  t.strictSame(await resume(driver, stranger.vector), ['a', 'missed', 'seen'], 'nor from who was never answered');
});

test('SUB2, SUB7: an update that was sent and is not durable is sent again, and what a crash took back is put right', async (t) => {
  const driver = new ShardDriver();
  await driver.run('d', [by('w', 'a'), by('w', 'b'), by('w', 'c')]);
  const [follower, witness] = [await following(driver), await following(driver)];
  driver.storage.hold();
  driver.give({ d: [by('w', 'a', 'lost')] });
  const shown = driver.sent.filter((entry) => brief(entry) === 'a="lost"');
  t.equal(shown.length, 1);
  follower.take(messagesOf(shown));
  t.strictSame(await resume(driver, follower.vector), ['a'], 'the same shard knows it');

  // A crash: nothing of it was stored. Others write on.
  const storage = new ControlledStorage();
  const [stored] = await driver.storage.inner.load(['d']);
  await storage.commit([{ documentId: 'd', stamp: stored!.stamp, fields: stored!.fields }]);
  const restarted = new ShardDriver({}, storage);
  await restarted.run('d', [by('v', 'b', 2)]);
  t.strictSame(await resume(restarted, follower.vector), ['a', 'b', 'c']);
  t.strictSame(await resume(restarted, witness.vector), ['b'], 'who was not sent it gets what is new');
  const [answer] = toOne(await restarted.run('d', [subscribe(1, { vector: follower.vector })]));
  t.strictSame(answer!.message['state'], { a: 1, b: 2, c: 1 }, 'with the fields that there are');
  const deltas = answer!.message['deltas'] as Incoming[];
  for (const { clock } of deltas) t.ok(Math.max(...Object.values(clock as Clock)) > follower.clock['#+']!);
  follower.take([answer!.message]);
  t.strictSame(await resume(restarted, follower.vector), [], 'it is put right');
});

test('SUB7 what became durable needs no putting right, whoever wrote it over since', async (t) => {
  const driver = new ShardDriver();
  await driver.run('d', [by('w', 'a'), by('w', 'b')]);
  const follower = await following(driver);
  follower.take(messagesOf(await driver.run('d', [by('w', 'a', 2)])));
  t.ok(follower.clock['#+'] !== undefined);
  t.strictSame(await resume(driver, follower.vector), ['a']);
  await driver.run('d', [by('v', 'a', 3)]);
  t.strictSame(await resume(driver, follower.vector), ['a'], 'it is remembered');
});

test('SUB2, SUB7: clocks of another making: a stamp above all that is known was lost', async (t) => {
  const driver = new ShardDriver();
  await driver.run('d', [by('w', 'a'), by('v', 'b')]);
  const { clock } = await following(driver);
  t.strictSame(await resume(driver, [['w', clock['w']!]]), ['b']);
  t.strictSame(await resume(driver, [['w', clock['w']! + 1_000_000]]), ['a', 'b']);
  t.strictSame(await resume(driver, [['#', 7]]), ['a', 'b'], 'a commit that there was not');
});

/**
 * A writer moved from one node to another, whose subscribers heard of his second write before the first: that one's
 * message was lost. A client that left in between came back with the second as the last it had seen of him.
 */
test('SUB2 in a cluster, a lost message keeps the number low', async (t) => {
  const storage = new ControlledStorage();
  const row = (path: string, hours: number): FieldRow => {
    const timestamp = Date.now() + hours * 3_600_000;
    return { path, value: '1', deleted: false, timestamp, counter: 1, clientId: 'w', stamp: timestamp * 1024 };
  };
  const commit = async (...fields: FieldRow[]): Promise<number> => {
    const { numbers } = await storage.commit([{ documentId: 'd', stamp: fields[0]!.stamp, fields }]);
    return numbers.get('d')!;
  };
  let events: BusEvents | undefined;
  const metrics = new ShardMetrics(undefined);
  const log = pino({ level: 'silent' });
  const openBus = (own: BusEvents): Bus => {
    events = own;
    return new MemoryHub().open({ nodeId: 'x', run: 'x1', events: own, metrics: metrics.bus, log });
  };
  await commit(row('old', -2));
  const driver = new ShardDriver({ openBus }, storage);
  t.teardown(() => driver.shard.close());
  await driver.run('d', [{ kind: recordKinds.interest, isOld: false }], binaryDelta | binaryAny);
  const follower = await following(driver);
  t.equal(follower.clock['#'], 1);
  // The clock of the first node is behind.
  const [first, second] = [row('first', -1), row('second', 1)];
  await commit(first);
  const update = { documentId: 'd', stamp: second.stamp, text: undefined, relays: [], fields: [second] };
  events!.onUpdate({ ...update, commit: await commit(second) });
  const [published] = driver.sent.slice(-1);
  t.equal(brief(published!), 'second=1');
  follower.take([published!.message]);
  t.strictSame([follower.clock['#'], follower.clock['w']], [1, second.stamp]);
  for (const options of [{}, { openBus }]) {
    const other = new ShardDriver(options, storage);
    t.teardown(() => other.shard.close());
    t.strictSame(await resume(other, follower.vector), ['first', 'second']);
  }
});

test('SUB2 processes without a bus: a commit of another one leaves a gap', async (t) => {
  const one = new ShardDriver();
  await one.run('d', [by('w', 'a')]);
  const follower = await following(one);
  const two = new ShardDriver({}, one.storage);
  await two.run('d', [by('w', 'other')]);
  follower.take(messagesOf(toAll(await one.run('d', [by('w', 'b')]))));
  follower.take(messagesOf(toAll(await one.run('d', [by('w', 'c')]))));
  t.equal(follower.clock['#'], 1);
  t.ok((await resume(new ShardDriver({}, one.storage), follower.vector)).includes('other'));
  t.ok((await resume(two, follower.vector)).includes('other'));
});

test('SUB2 who stays subscribed to an evicted document claims nothing that others wrote meanwhile', async (t) => {
  const one = new ShardDriver({ maxLoadedBytes: 0 });
  const evict = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, 2));
    for (let i = 0; i < 2; i++) await one.run('else', [subscribe(1)]);
  };
  await one.run('d', [by('w', 'a')]);
  const follower = await following(one);
  await evict();
  // What a writer is owed is looked for now and then only.
  for (let value = 0; (follower.clock['#'] ?? 0) < 2; value++) {
    follower.take(messagesOf(toAll(await one.run('d', [by('w', 'b', value)]))));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const known = follower.clock['#']!;
  await evict();
  await new ShardDriver({}, one.storage).run('d', [by('w', 'other')]);
  for (let value = 0; value < 10; value++) {
    follower.take(messagesOf(toAll(await one.run('d', [by('w', 'c', value)]))));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  t.equal(follower.clock['#'], known);
  t.ok((await resume(one, follower.vector)).includes('other'));
});
