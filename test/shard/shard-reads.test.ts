import { test } from 'tap';
import type { WriteRecord } from '../../src/messages/task.js';
import type { Incoming } from '../support/clients/client.js';
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
} from '../support/parts/shard-driver.js';

const plain = origin(9);
const json = origin(9, { encoding: 'json' });

/** A document in which `a` holds two fields, `b` one that is removed, and the node one. */
async function written(): Promise<{ driver: ShardDriver; stamps: Record<string, number> }> {
  const driver = new ShardDriver();
  const sent = await driver.run('d', [
    write(1, { field: 'x', value: 1, clientId: 'a' }, 1_000),
    write(1, { field: 'y', value: { z: [null] }, clientId: 'a' }, 2_000),
    write(2, { field: 'gone', type: 'delete', clientId: 'b' }, 3_000),
    write(3, { field: 'ours', value: '' }, 4_000),
  ]);
  return {
    driver,
    stamps: Object.fromEntries(toAll(sent).map(({ message }) => [message['field'] as string, stampOf(message)])),
  };
}

test('SUB1 subscribe is answered with the whole state, removed fields left out', async (t) => {
  const { driver } = await written();
  const [answer, ...rest] = toOne(await driver.run('d', [subscribe(json, { requestId: 'q1' })]));
  t.match(answer, {
    session: 9,
    kind: 'lastOfRead',
    message: { type: 'sync_response', requestId: 'q1', documentId: 'd', deltas: [] },
  });
  t.strictSame(answer?.message['state'], { x: 1, y: { z: [null] }, ours: '' });
  t.strictSame(rest, []);
});

test('SUB1 an empty document has a state and a clock', async (t) => {
  const driver = new ShardDriver();
  const [answer] = toOne(await driver.run('never', [subscribe(plain)]));
  t.strictSame(answer?.message['state'], {});
  t.ok(stampOf(answer!.message) > 0);
  t.strictSame(driver.storage.commits, [], 'reading stores nothing');
});

test('SUB1 a state holds the writes that came before it, also in the same task', async (t) => {
  const { driver } = await written();
  const sent = await driver.run('d', [
    write(1, { field: 'x', value: 2 }),
    subscribe(json),
    write(1, { field: 'y', value: 3 }),
  ]);
  t.match(toOne(sent, 9)[0]?.message['state'], { x: 2, y: 3 });
  const state = sent.findIndex((entry) => entry.message.type === 'sync_response');
  t.ok(
    sent.slice(0, state).some((entry) => brief(entry) === 'x=2'),
    'and behind their updates',
  );
});

test('ORD6 the clock of a state has an entry for the server and for each writer that holds a field', async (t) => {
  const { driver, stamps } = await written();
  const [answer] = toOne(await driver.run('d', [subscribe(json, { clientId: 'b' })]));
  const server = stampOf(answer!.message);
  t.ok(server > Math.max(...Object.values(stamps)));
  t.strictSame(answer!.message['clock'], { server, '#': 1, a: stamps['y'], 'node-test': stamps['ours'], b: server });
  const [again] = toOne(await driver.run('d', [subscribe(json)]));
  t.ok(stampOf(again!.message) > server, 'fresh each time');
  t.equal((again!.message['clock'] as Record<string, number>)['b'], stamps['gone']);
});

test('SUB2 with a vector only what it has not seen is answered, removed fields included', async (t) => {
  const { driver, stamps } = await written();
  const unseen = async (vector: Record<string, number>): Promise<string[]> => {
    const [answer] = toOne(await driver.run('d', [subscribe(plain, { vector: Object.entries(vector) })]));
    t.equal(answer?.message['state'], undefined);
    t.equal(answer?.kind, 'lastOfRead', 'nothing is sent twice');
    return (answer?.message['deltas'] as Incoming[]).map(
      (entry) => `${String(entry['field'])}=${JSON.stringify(entry['value'])}`,
    );
  };
  const gone = 'gone={"__deleted":true}';
  t.strictSame(await unseen({ nobody: 1 }), ['x=1', 'y={"z":[null]}', gone, 'ours=""']);
  t.strictSame(await unseen({ a: stamps['x']! }), ['y={"z":[null]}', gone, 'ours=""']);
  t.strictSame(await unseen({ a: stamps['y']!, 'node-test': stamps['ours']! }), [gone]);
  t.strictSame(await unseen({ a: stamps['y']!, b: stamps['gone']!, 'node-test': stamps['ours']! }), []);
});

test('SUB2 an entry tells who wrote it, when, and with a clock that is newer than any before', async (t) => {
  const { driver, stamps } = await written();
  const [answer] = toOne(await driver.run('d', [subscribe(plain, { vector: [['a', stamps['x']!]], clientId: 'me' })]));
  const server = stampOf(answer!.message);
  t.match((answer!.message['deltas'] as Incoming[])[0], {
    type: 'set',
    documentId: 'd',
    field: 'y',
    timestamp: 2_000,
    clientId: 'server',
    clock: { server, a: stamps['y'], me: server },
  });
  t.ok(server > Math.max(...Object.values(stamps)));
});

test('ORD5 who has seen the L of a node whose clock is ahead takes what is sent, up to the skew that is believed', async (t) => {
  const { driver } = await written();
  const ahead = (Date.now() + 30_000) * 1024;
  const [answer] = toOne(await driver.run('d', [subscribe(plain, { vector: [['server', ahead]] })]));
  t.ok(stampOf(answer!.message) > ahead);
  const further = ahead + 10_000 * 1024;
  const [step] = toOne(await driver.run('d', [stateVector(plain, [['server', further]])]));
  const operations = step!.message['operations'] as Incoming[];
  t.ok(operations.length > 0 && operations.every((entry) => stampOf(entry) > further));
  t.ok(stampOf(toAll(await driver.run('d', [write(1, { field: 'x', value: 9 })]))[0]!.message) > further);
  const absurd = (Date.now() + 3_600_000) * 1024;
  const [later] = toOne(await driver.run('d', [subscribe(plain, { vector: [['server', absurd]] })]));
  t.ok(stampOf(later!.message) < absurd, 'or one client could carry it away for all');
});

test('SUB2 sync_step1 is answered with the same as operations', async (t) => {
  const { driver, stamps } = await written();
  const [answer] = toOne(await driver.run('d', [stateVector(plain, [['a', stamps['y']!]])]));
  t.match(answer, { kind: 'lastOfRead', message: { type: 'sync_step2', requestId: 'r', documentId: 'd' } });
  t.strictSame(
    (answer?.message['operations'] as Incoming[]).map((entry) => entry['field']),
    ['gone', 'ours'],
  );
  const [all] = toOne(await driver.run('d', [stateVector(plain, [])]));
  t.equal((all?.message['operations'] as Incoming[]).length, 4);
});

test('SUB6 the live fields are sent once more as deltas, besides the state or alone', async (t) => {
  const { driver } = await written();
  const fields = ['x=1', 'y={"z":[null]}', 'ours=""'];
  const answers = toOne(await driver.run('d', [subscribe(plain, { clientId: 'me', replay: 'besides' })]));
  t.strictSame(answers.map(brief), ['sync_response', ...fields]);
  t.strictSame(
    answers.map(({ kind }) => kind),
    ['read', 'read', 'read', 'lastOfRead'],
  );
  const [response, ...deltas] = answers.map(({ message }) => message);
  for (const message of deltas) {
    t.ok(stampOf(message) > stampOf(response!));
    t.equal((message['clock'] as Record<string, number>)['me'], stampOf(message));
  }
  const alone = toOne(await driver.run('d', [subscribe(plain, { replay: 'alone' })]));
  t.strictSame(alone.map(brief), fields);
  t.equal(alone.at(-1)?.kind, 'lastOfRead');
  t.ok(stampOf(alone[0]!.message) > stampOf(deltas.at(-1)!), 'a client takes them for newer than what it was sent');
  await driver.run('d', [write(plain, { field: 'x', value: 2 })]);
  const others = toOne(await driver.run('d', [subscribe(plain, { replay: 'alone' })]));
  t.strictSame(others.map(brief), fields.slice(1), 'without what it has written itself meanwhile');
  t.strictSame(toOne(await driver.run('d', [subscribe(plain)])).map(brief), ['sync_response'], 'not unasked');
});

test('SUB6 what a session typed before a late replay reached it is not sent back to it', async (t) => {
  for (const others of [true, false]) {
    const driver = new ShardDriver();
    if (others) await driver.run('d', [write(1, { field: 'other', value: 1 })]);
    const [response] = toOne(await driver.run('d', [subscribe(plain, { clientId: 'me' })]));
    let me = stampOf(response!.message);
    const type = (value: string): WriteRecord =>
      write(plain, { field: 'f', value, clientId: 'me', clock: { me: ++me } });
    await driver.run('d', [type('a')]);
    const [replayed] = toOne(await driver.run('d', [subscribe(plain, { replay: 'alone' })]));
    if (others) t.equal(brief(replayed!), 'other=1');
    else t.equal(replayed!.message['isEmpty'], true);
    const sent = await driver.run('d', [type('ab')]);
    t.strictSame(
      toAll(sent).map(({ except }) => except),
      [plain.session],
    );
  }
});

test('SUB6 nothing is replayed of an empty or a large document', async (t) => {
  const driver = new ShardDriver({ replayMaxFields: 2 });
  const answers = async (): Promise<string[]> =>
    toOne(await driver.run('d', [subscribe(plain, { replay: 'besides' })]), 9).map(brief);
  t.strictSame(await answers(), ['sync_response']);
  await driver.run('d', [write(1, { field: 'a', type: 'delete' })]);
  t.strictSame(await answers(), ['sync_response'], 'removed fields are not live');
  await driver.run('d', [write(1, { field: 'b', value: 1 })]);
  t.strictSame(await answers(), ['sync_response', 'b=1']);
  await driver.run('d', [write(1, { field: 'c', value: 1 })]);
  t.strictSame(await answers(), ['sync_response']);
  const ended = toOne(await driver.run('d', [subscribe(plain, { replay: 'alone' })]), 9);
  t.match(ended, [{ kind: 'lastOfRead', message: { isEmpty: true } }], 'the read ends without a frame');
});

test('a read is settled when it is answered, without waiting for commits', async (t) => {
  const { driver } = await written();
  driver.storage.hold();
  const writing = driver.give({ d: [write(1, { id: 'm', field: 'x', value: 5 })] });
  const sent = await driver.run('d', [subscribe(json)]);
  t.match(toOne(sent)[0]?.message['state'], { x: 5 });
  t.notOk(driver.settled.includes(writing));
  driver.storage.release();
});
