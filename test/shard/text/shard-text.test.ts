/** Collaborative texts in a shard: who hears of what, what is stored of it, and what is refused. */
import { test } from 'tap';
import { variants, type Origin, type TaskRecord } from '../../../src/messages/task.js';
import { nextMillisecond } from '../../support/next-millisecond.js';
import { TextReplica } from '../../support/clients/text-replica.js';
import { until } from '../../support/nodes/server.js';
import { brief, origin, ShardDriver, subscribe, toOne, write, type Sent } from '../../support/parts/shard-driver.js';

const wantedByAll = Object.values(variants).reduce((all: number, variant) => all | variant, 0);

function supportsBatch(session: number): Origin {
  return origin(session, { supportsBatch: true });
}

/** A `delta_batch` with the state of a replica. */
function stateOf(session: number, replica: TextReplica, more: object = {}): TaskRecord {
  const text = { type: 'text-state', documentId: 'd', state: replica.state(), clientId: replica.clientId, clock: 1 };
  return write(supportsBatch(session), { documentId: 'd', messageId: `m${session}`, deltas: [{ ...text, ...more }] });
}

interface TextEntry {
  readonly type: string;
  readonly documentId: string;
  readonly state: string;
  readonly clientId: string;
  readonly clock: unknown;
}

function entryOf({ message }: Sent): TextEntry {
  const [entry] = message['deltas'] as TextEntry[];
  if (entry === undefined) throw new Error('a batch without operations');
  return entry;
}

/** The blocks of a state: `client_id` and `clock` say nothing about the text. */
function blocksOf(state: unknown): unknown {
  return (JSON.parse(state as string) as { blocks: unknown }).blocks;
}

function batches(sent: readonly Sent[]): Sent[] {
  return sent.filter(({ message }) => message.type === 'delta_batch');
}

function replica(clientId: string, text: string): TextReplica {
  const made = new TextReplica(clientId);
  made.insert(0, text);
  return made;
}

test('the state of one session goes to the others as it is, in its name, in both encodings', async (t) => {
  const driver = new ShardDriver();
  const alice = replica('alice', 'Hello');
  const sent = await driver.run('d', [stateOf(1, alice, { clock: { alice: 5 } })], wantedByAll);
  const published = batches(sent);
  t.equal(published.length, 2);
  t.strictSame(
    published.map((frame) => frame.to === 'all' && [frame.variant, frame.except]),
    [
      [variants.binaryAny, 1],
      [variants.jsonAny, 1],
    ],
  );
  for (const frame of published) {
    t.equal(frame.message['isTextOperation'], true);
    t.equal(frame.message['documentId'], 'd');
    t.match(entryOf(frame), { type: 'text-state', documentId: 'd', clientId: 'alice', clock: { alice: 5 } });
    t.strictSame(blocksOf(entryOf(frame).state), blocksOf(alice.state()));
  }
  t.match(sent.at(-1)?.message, { type: 'ack', messageId: 'm1' });
});

test('states of several sessions leave as one that holds them all, to the senders too', async (t) => {
  const driver = new ShardDriver();
  const [alice, bob] = [replica('alice', 'Hello'), replica('bob', 'World')];
  const sent = await driver.run('d', [stateOf(1, alice), stateOf(2, bob)], variants.binaryAny);
  const [frame, ...others] = batches(sent);
  t.strictSame(others, []);
  t.equal(frame!.to === 'all' && frame!.except, 0);
  const entry = entryOf(frame!);
  t.equal(entry.clientId, 'server');
  t.equal(typeof entry.clock, 'number', 'as the clients send it');
  alice.receive(entry);
  bob.receive(entry);
  t.equal(alice.text(), bob.text());
  t.equal(alice.length, 10);
});

test('who sends less than there is gets the rest, and the others nothing', async (t) => {
  const driver = new ShardDriver();
  const [alice, bob] = [replica('alice', 'Hello'), new TextReplica('bob')];
  const early = stateOf(1, alice);
  bob.merge(alice.state());
  bob.insert(5, ' there');
  await driver.run('d', [stateOf(2, bob)], variants.binaryAny);
  const answers = batches(await driver.run('d', [early], variants.binaryAny));
  t.equal(answers.length, 1);
  t.equal(answers[0]!.to === 'one' && answers[0]!.session, 1);
  alice.receive(entryOf(answers[0]!));
  t.equal(alice.text(), bob.text());
  t.strictSame(batches(await driver.run('d', [stateOf(3, bob)], variants.binaryAny)), [], 'nobody lacks anything');
});

test('a document has fields and a text, and one who subscribes gets both', async (t) => {
  const driver = new ShardDriver();
  const alice = replica('alice', 'Gr\u00fc\u00dfe "an" alle\n\u{1f600}');
  const state = { type: 'text-state', state: alice.state(), clientId: 'alice' };
  await driver.run('d', [write(supportsBatch(1), { deltas: [{ field: 'a', value: 1 }, state] })]);
  for (const encoding of ['binary', 'json'] as const) {
    const [answer] = await driver.run('d', [subscribe(origin(2, { supportsBatch: true, encoding }))]);
    t.strictSame(answer!.message['state'], { a: 1 });
    t.strictSame(blocksOf(answer!.message['textState']), blocksOf(alice.state()));
    t.equal(answer!.message['textClock'], alice.length);
  }
  const [none] = await driver.run('e', [subscribe(2)]);
  t.notOk('textState' in none!.message);
});

test('a text comes back from storage, and one keystroke appends a few bytes', async (t) => {
  const driver = new ShardDriver();
  const alice = new TextReplica('alice');
  for (let i = 0; i < 20; i++) alice.insert(alice.length, 'many words '.repeat(50));
  await driver.run('d', [stateOf(1, alice)]);
  alice.insert(3, 'x');
  await driver.run('d', [stateOf(1, alice)]);
  const [stored] = await driver.storage.load(['d']);
  t.equal(stored!.text.length, 2);
  t.ok(stored!.text[1]!.bytes.length < 200, `${stored!.text[1]!.bytes.length} bytes`);

  const next = new ShardDriver({}, driver.storage);
  const [answer] = await next.run('d', [subscribe(1)]);
  t.strictSame(blocksOf(answer!.message['textState']), blocksOf(alice.state()));
});

test('a text in too many parts is joined to one in a quiet moment', async (t) => {
  const driver = new ShardDriver();
  const alice = replica('alice', 'x'.repeat(100));
  await driver.run('d', [stateOf(1, alice)]);
  for (let i = 0; i < 30; i++) {
    alice.insert(alice.length, 'y'.repeat(5_000));
    await driver.run('d', [stateOf(1, alice)]);
  }
  await driver.shard.idle();
  const [stored] = await driver.storage.load(['d']);
  t.ok(stored!.text.length < 30, `${stored!.text.length} parts`);
  const [answer] = await new ShardDriver({}, driver.storage).run('d', [subscribe(1)]);
  t.strictSame(blocksOf(answer!.message['textState']), blocksOf(alice.state()));
});

test('ACK1 a message is refused for its second text: the first is joined, stored and told', async (t) => {
  const driver = new ShardDriver();
  const alice = replica('alice', 'Hello');
  const good = { type: 'text-state', state: alice.state(), clientId: 'alice' };
  const bad = { type: 'text-state', state: '{', clientId: 'alice' };
  const sent = await driver.run(
    'd',
    [write(supportsBatch(1), { messageId: 'both', deltas: [good, bad] })],
    variants.binaryAny,
  );
  t.strictSame(toOne(sent, 1).filter(({ message }) => message.type === 'error').length, 1);
  t.equal(batches(sent).filter(({ to }) => to === 'all').length, 1);
  const again = await driver.run('d', [stateOf(1, alice)]);
  t.strictSame(toOne(again, 1).map(brief), ['ack m1']);
  const [late] = await new ShardDriver({}, driver.storage).run('d', [subscribe(1, {})]);
  t.strictSame(blocksOf(late!.message['textState']), blocksOf(alice.state()), 'what is acknowledged is stored');
});

test('an ack waits for the commit of its text; a failed commit is tried again', async (t) => {
  const driver = new ShardDriver();
  const alice = replica('alice', 'Hello');
  driver.storage.failCommits = true;
  const task = driver.give({ d: [stateOf(1, alice)] });
  await until('a commit has failed', () => driver.status?.storageHealthy === false);
  t.equal(batches(driver.sent).length, 1, 'the others see it meanwhile');
  alice.insert(0, 'again ');
  driver.give({ d: [stateOf(1, alice)] });
  t.notOk(driver.sent.some(({ message }) => message.type === 'ack'));
  driver.storage.failCommits = false;
  await until('both are settled', () => driver.settled.length === 2);
  t.ok(driver.settled.includes(task));
  t.equal(driver.sent.filter(({ message }) => message.type === 'ack').length, 2);
  const [answer] = await new ShardDriver({}, driver.storage).run('d', [subscribe(1)]);
  t.strictSame(blocksOf(answer!.message['textState']), blocksOf(alice.state()));
});

test('contract 6: who wrote a text that the storage refuses is told so, and nobody else', async (t) => {
  const driver = new ShardDriver();
  driver.storage.refuseText = (documentId) => (documentId === 'd' ? 'why' : undefined);
  const carol = { type: 'text-state', state: replica('carol', 'World').state(), clientId: 'carol' };
  driver.give({
    d: [stateOf(1, replica('alice', 'Hello')), write(2, { messageId: 'm2', field: 'f', value: 1 })],
    e: [write(supportsBatch(3), { messageId: 'm3', deltas: [carol, { field: 'g', value: 2 }] })],
  });
  await until('the task is settled', () => driver.settled.length === 1);
  const [refused] = toOne(driver.sent, 1);
  t.strictSame(toOne(driver.sent).map(brief).sort(), ['ack m2', 'ack m3', 'error INVALID_DELTA m1']);
  t.equal(refused?.message['error'], 'Invalid delta message: why');
  t.strictSame(driver.storage.commits.length, 1, 'they were one commit');
  t.strictSame(await driver.storage.stored('d'), ['f=1']);
  const [d, e] = await driver.storage.load(['d', 'e']);
  t.strictSame([d?.text.length, e?.text.length], [0, 1]);

  driver.storage.refuseText = () => undefined;
  const alice = replica('alice', 'Hello');
  const same = await driver.run('d', [stateOf(1, alice)]);
  t.strictSame(toOne(same, 1).map(brief), ['ack m1']);
  t.equal((await driver.storage.load(['d']))[0]!.text.length, 1, 'sent again, it is written');
});

test('a state that is none is refused and changes nothing', async (t) => {
  const driver = new ShardDriver();
  const alice = replica('alice', 'Hello');
  for (const state of ['', '{}', 'null', '[]', '{"blocks":[[]],"clock":{"value":1},"client_id":"x"}']) {
    const sent = await driver.run('d', [
      write(supportsBatch(1), { deltas: [{ type: 'text-state', state, clientId: 'x' }] }),
    ]);
    t.match(sent[0]!.message, { type: 'error', details: { code: 'INVALID_DELTA', documentId: 'd' } }, state);
  }
  t.notOk('textState' in (await driver.run('d', [subscribe(1)]))[0]!.message, 'no text was made');
  await driver.run('d', [stateOf(1, alice)]);
  await driver.run('d', [write(supportsBatch(1), { deltas: [{ type: 'text-state', state: '{', clientId: 'x' }] })]);
  const [answer] = await driver.run('d', [subscribe(1)]);
  t.strictSame(blocksOf(answer!.message['textState']), blocksOf(alice.state()));
});

test('operations without a state are sent on once, except to their sender, and not stored', async (t) => {
  const driver = new ShardDriver();
  const counter = {
    type: 'counter',
    documentId: 'd',
    operation: 'increment',
    value: 2,
    clientId: 'c',
    clock: { c: 1 },
  };
  const sent = await driver.run('d', [write(supportsBatch(7), { messageId: 'm', deltas: [counter] })], wantedByAll);
  const relayed = batches(sent);
  t.equal(relayed.length, 2);
  for (const frame of relayed) {
    t.equal(frame.to === 'all' && frame.except, 7);
    t.strictSame(frame.message['deltas'], [counter]);
  }
  t.match(sent.at(-1)?.message, { type: 'ack', messageId: 'm' });
  t.strictSame((await driver.storage.load(['d']))[0]!.fields, []);
});

test('idle texts leave memory', async (t) => {
  const driver = new ShardDriver({ maxLoadedBytes: 20_000 });
  for (let i = 0; i < 10; i++) {
    const state = replica('alice', 'z'.repeat(5_000)).state();
    const deltas = [{ type: 'text-state', state, clientId: 'alice' }];
    await driver.run(`d${i}`, [write(supportsBatch(1), { deltas })]);
  }
  await nextMillisecond();
  await driver.run('last', [subscribe(1)]);
  t.ok(driver.status!.bytes <= 20_000, `${driver.status!.bytes} bytes`);
  const [answer] = await driver.run('d0', [subscribe(1)]);
  t.strictSame(blocksOf(answer!.message['textState']), blocksOf(replica('alice', 'z'.repeat(5_000)).state()));
});

test('a large state is taken however its frame is written', async (t) => {
  const driver = new ShardDriver();
  const alice = replica('alice', '"quoted" \\ text '.repeat(2_000));
  const state = JSON.stringify(alice.state());
  const frames = [
    `{"deltas":[{"type":"text-state","state":${state},"clientId":"alice","clock":1}]}`,
    `{"deltas":[{"type":"text-state","state":${state} ,"clientId":"alice","clock":1}],"messageId":"m"}`,
    `{"deltas":[{"clientId":"alice","type":"text-state","state":${state}},{"field":"a","value":"x"}],"id":"n"}`,
    `{"deltas":[{"field":"b","value":{"state":${state},"c":1}}],"id":"o"}`,
  ];
  for (const [i, frame] of frames.entries()) {
    const sent = await driver.run('d', [write(supportsBatch(1), frame)], wantedByAll);
    t.notOk(
      sent.some(({ message }) => message.type === 'error'),
      `frame ${i}`,
    );
    if (i === 0) for (const batch of batches(sent)) t.equal(entryOf(batch).state, alice.state());
  }
  const [answer] = await driver.run('d', [subscribe(2)]);
  t.strictSame(blocksOf(answer!.message['textState']), blocksOf(alice.state()));
  t.strictSame(answer!.message['state'], { a: 'x', b: { state: alice.state(), c: 1 } });
});
