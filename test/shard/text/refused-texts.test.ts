/** REF6: what the storage refuses of a text is taken out of memory, and nobody else's writes go with it. */
import { test } from 'tap';
import type { TaskRecord } from '../../../src/messages/task.js';
import { until } from '../../support/nodes/server.js';
import { brief, origin, ShardDriver, subscribe, toOne, write } from '../../support/parts/shard-driver.js';
import { TextReplica } from '../../support/clients/text-replica.js';

/** A `delta_batch` with the state of a replica. */
function stateOf(session: number, replica: TextReplica): TaskRecord {
  const text = { type: 'text-state', documentId: 'd', state: replica.state(), clientId: replica.clientId, clock: 1 };
  const message = { documentId: 'd', messageId: `m${session}`, deltas: [text] };
  return write(origin(session, { supportsBatch: true }), message);
}

function replica(clientId: string, text: string): TextReplica {
  const made = new TextReplica(clientId);
  made.insert(0, text);
  return made;
}

/** A shard whose storage takes no part of a text with this word. */
function refusing(word: string): ShardDriver {
  const driver = new ShardDriver();
  driver.storage.refuseText = (_documentId, { append }) =>
    append.some(({ bytes }) => Buffer.from(bytes).includes(word)) ? `no ${word}` : undefined;
  return driver;
}

/** The text that who subscribes is sent; undefined without one. */
async function textOf(driver: ShardDriver): Promise<string | undefined> {
  const [answer] = await driver.run('d', [subscribe(99, {})]);
  const state = answer?.message['textState'] as string | undefined;
  if (state === undefined) return undefined;
  const reader = new TextReplica('reader');
  reader.receive({ state, clientId: 'server' });
  return reader.text();
}

test('who has not been shown a refused part goes on to write, and it is shown to nobody any more', async (t) => {
  const driver = refusing('bad');
  const alice = replica('alice', 'bad');
  t.strictSame(toOne(await driver.run('d', [stateOf(1, alice)]), 1).map(brief), ['error INVALID_DELTA m1']);
  t.equal(await textOf(driver), undefined);
  const bob = replica('bob', 'good');
  t.strictSame(toOne(await driver.run('d', [stateOf(2, bob)]), 2).map(brief), ['ack m2']);
  t.equal(await textOf(driver), 'good');
  alice.insert(3, '!');
  t.strictSame(toOne(await driver.run('d', [stateOf(1, alice)]), 1).map(brief), ['error INVALID_DELTA m1']);
  t.equal(await textOf(driver), 'good');
  bob.insert(4, '.');
  t.strictSame(toOne(await driver.run('d', [stateOf(2, bob)]), 2).map(brief), ['ack m2']);
  t.equal(await textOf(driver), 'good.');
  t.equal(await textOf(new ShardDriver({}, driver.storage)), 'good.', 'that is what is stored');
});

test('what was joined to a part before that was refused is to be sent again', async (t) => {
  const driver = refusing('bad');
  await driver.run('d', [subscribe(4, {})]);
  driver.storage.hold();
  driver.give({ d: [stateOf(1, replica('alice', 'bad'))] });
  await until('it is being stored', () => driver.storage.commits.length === 1);
  const bob = replica('bob', 'good');
  driver.give({ d: [stateOf(2, bob), write(3, { messageId: 'm3', field: 'f', value: 1 })] });
  driver.storage.release();
  await until('both are settled', () => driver.settled.length === 3);
  t.strictSame(toOne(driver.sent, 1).map(brief), ['error INVALID_DELTA m1']);
  t.strictSame(toOne(driver.sent, 2).map(brief), ['error STORAGE_UNAVAILABLE m2']);
  t.ok(toOne(driver.sent, 3).map(brief).includes('ack m3'), 'a field is none of its business');
  t.strictSame(toOne(await driver.run('d', [stateOf(2, bob)]), 2).map(brief), ['ack m2']);
  t.equal(await textOf(driver), 'good');
});

test('what comes while the text is made anew waits for it', async (t) => {
  const driver = refusing('bad');
  await driver.run('d', [stateOf(2, replica('bob', 'good'))]);
  driver.storage.hold();
  driver.give({ d: [stateOf(1, replica('alice', 'bad'))] });
  await until('it is being stored', () => driver.storage.commits.length === 2);
  driver.storage.release();
  driver.storage.hold();
  await until('the text is loaded', () => driver.storage.loads.length === 2);
  const carol = replica('carol', 'more');
  driver.give({ d: [stateOf(3, carol), subscribe(4, {})] });
  t.strictSame([...toOne(driver.sent, 3), ...toOne(driver.sent, 4)], []);
  driver.storage.release();
  await until('all is settled', () => driver.settled.length === 3);
  t.ok(toOne(driver.sent, 3).map(brief).includes('ack m3'));
  const text = await textOf(driver);
  t.strictSame([text?.includes('good'), text?.includes('more'), text?.includes('bad')], [true, true, false]);
});

test('while the text can’t be loaded again nobody gets the refused one, and whoever asks lets it be tried', async (t) => {
  const driver = refusing('bad');
  await driver.run('d', [stateOf(2, replica('bob', 'good'))]);
  driver.storage.failLoads = ['d'];
  await driver.run('d', [stateOf(1, replica('alice', 'bad'))]);
  const refused = await driver.run('d', [subscribe(4, {})]);
  t.match(toOne(refused, 4).map(brief), [/^error STORAGE_UNAVAILABLE/]);
  driver.storage.failLoads = [];
  t.equal(await textOf(driver), 'good');
});

test('a compaction that is refused leaves what is stored, and keystrokes are stored as before', async (t) => {
  const driver = new ShardDriver();
  const bob = replica('bob', 'x');
  await driver.run('d', [stateOf(2, bob)]);
  driver.storage.refuseText = (_documentId, { replaces }) => (replaces.length > 0 ? 'no compaction' : undefined);
  for (let i = 0; i < 1_005; i++) {
    bob.insert(0, 'y');
    await driver.run('d', [stateOf(2, bob)]);
  }
  await driver.shard.idle();
  const errors = toOne(driver.sent, 2).map(brief);
  t.ok(driver.storage.commits.some((changes) => changes.some(({ text }) => (text?.replaces.length ?? 0) > 0)));
  t.equal(await textOf(driver), bob.text());
  t.strictSame(
    errors.filter((one) => one.startsWith('error INVALID_DELTA')),
    [],
  );
});
