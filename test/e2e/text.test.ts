/** Collaborative texts over the wire: delivery, large texts, durability, and hostile states. */
import { test } from 'tap';
import { binaryFrame, type Incoming, type RawClient } from '../support/clients/client.js';
import { client, folder, secret, server, token } from '../support/nodes/fixture.js';
import { sdkClient } from '../support/clients/sdk.js';
import { until } from '../support/nodes/server.js';
import { TextReplica } from '../support/clients/text-replica.js';

interface TextEntry {
  readonly type: string;
  readonly state: string;
  readonly clientId: string;
}

function operation(documentId: string, state: string, clientId: string): Record<string, unknown> {
  return { type: 'text-state', documentId, state, clientId, clock: 1, timestamp: Date.now() };
}

function sendText(raw: RawClient, documentId: string, replica: TextReplica): string {
  return raw.send('delta_batch', { documentId, deltas: [operation(documentId, replica.state(), replica.clientId)] });
}

function texts(raw: RawClient): TextEntry[] {
  return raw.received('delta_batch').flatMap((message: Incoming) => message['deltas'] as TextEntry[]);
}

function replica(clientId: string, text: string): TextReplica {
  const made = new TextReplica(clientId);
  made.insert(0, text);
  return made;
}

/** The state of a text that was typed in single characters, which makes it as large as possible. */
function typed(author: string, characters: number): string {
  const id = (clock: number) => ({ client_id: author, clock, offset: 0 });
  const blocks = Array.from({ length: characters }, (_, i) => {
    const left = i === 0 ? null : id(i);
    return [id(i + 1), { id: id(i + 1), text: 'x', left_origin: left, right_origin: null, deleted: false }];
  });
  return JSON.stringify({ blocks, clock: { value: characters }, client_id: author });
}

test('TXT2: a state reaches all other subscribers, whatever they support, and not its sender', async (t) => {
  const home = await server(t);
  const [sender, plain, json] = [
    await client(t, home),
    await client(t, home),
    await client(t, home, { encoding: 'json' }),
  ];
  for (const raw of [sender, plain, json]) await raw.subscribe('doc');
  const alice = replica('alice', 'Grüße, 世界 "\\" 👋🏽');
  await sender.acked(sendText(sender, 'doc', alice));
  for (const raw of [plain, json]) {
    const [entry] = [await raw.expect('the text', (message) => message.type === 'delta_batch')];
    t.equal(entry['isTextOperation'], true);
    t.match(texts(raw), [{ type: 'text-state', clientId: 'alice', state: alice.state() }]);
  }
  await sender.roundTrip();
  t.strictSame(texts(sender), []);
});

test('TXT2: a state of a client that may only write reaches the subscribers', async (t) => {
  const home = await server(t, { JWT_SECRET: secret });
  const [sender, other] = [
    await client(t, home, { token: token('alice', { write: ['doc'] }) }),
    await client(t, home, { token: token('bob', { read: ['doc'] }) }),
  ];
  await other.subscribe('doc');
  const alice = replica('alice', 'Hello');
  await sender.acked(sendText(sender, 'doc', alice));
  await other.expect('the text', (message) => message.type === 'delta_batch');
  t.match(texts(other), [{ clientId: 'alice', state: alice.state() }]);
});

test('TXT1, TXT3: a client whose state lacks something gets the rest', async (t) => {
  const home = await server(t);
  const [first, second] = [await client(t, home), await client(t, home)];
  await first.subscribe('doc');
  const [alice, bob] = [replica('alice', 'Hello'), replica('bob', 'World')];
  await first.acked(sendText(first, 'doc', alice));
  await second.acked(sendText(second, 'doc', bob));
  await until('both have both', () => texts(first).length === 1 && texts(second).length === 1);
  for (const [raw, own] of [
    [first, alice],
    [second, bob],
  ] as const) {
    t.equal(texts(raw)[0]!.clientId, 'server');
    own.receive(texts(raw)[0]!);
  }
  t.equal(alice.text(), bob.text());
  t.equal(alice.length, 10);
});

test('ACK1: a text survives kill -9 unchanged', async (t) => {
  const SYNCKIT_DATA_DIR = await folder(t);
  const alice = replica('alice', 'Hello');
  const first = await server(t, { SYNCKIT_DATA_DIR });
  const raw = await client(t, first);
  await raw.acked(sendText(raw, 'doc', alice));
  alice.delete(1, 3);
  await raw.acked(sendText(raw, 'doc', alice));
  await first.kill('SIGKILL');
  const second = await server(t, { SYNCKIT_DATA_DIR });
  const answer = await (await client(t, second)).subscribe('doc');
  t.strictSame(JSON.parse(answer['textState'] as string), JSON.parse(alice.state()));
});

test('LIM2: a text of megabytes is received in chunks and sent in one frame', async (t) => {
  const home = await server(t);
  const [sender, other] = [await client(t, home), await client(t, home)];
  await other.subscribe('doc');
  const state = typed('alice', 10_000);
  const whole = binaryFrame('delta_batch', {
    ...{ id: 'large', documentId: 'doc' },
    deltas: [operation('doc', state, 'alice')],
  });
  const size = 65_536;
  const totalChunks = Math.ceil(whole.length / size);
  for (let chunkIndex = 0; chunkIndex < totalChunks; chunkIndex++) {
    const data = whole.subarray(chunkIndex * size, (chunkIndex + 1) * size).toString('base64');
    sender.send('delta_batch_chunk', { chunkId: 'c', totalChunks, chunkIndex, data });
  }
  await sender.acked('large');
  await other.expect('the text', (message) => message.type === 'delta_batch');
  t.ok(texts(other)[0]!.state === state, 'as it was sent');
  t.ok((await other.subscribe('doc'))['textState'] === state);
});

test('TXT4: a text over its limit is refused, what was there stays', async (t) => {
  const home = await server(t, { SYNC_MAX_TEXT_BYTES: '100KiB' });
  const raw = await client(t, home);
  const small = typed('alice', 100);
  await raw.acked(raw.send('delta_batch', { documentId: 'doc', deltas: [operation('doc', small, 'alice')] }));
  const large = raw.send('delta_batch', {
    documentId: 'doc',
    deltas: [operation('doc', typed('alice', 1_000), 'alice')],
  });
  t.match((await raw.refused(large)).details, { code: 'DOCUMENT_TOO_LARGE', documentId: 'doc' });
  t.equal((await raw.subscribe('doc'))['textState'], small);
});

test('TXT6: operations of counters and sets reach the others once', async (t) => {
  const home = await server(t);
  const [sender, other] = [await client(t, home, { encoding: 'json' }), await client(t, home)];
  for (const raw of [sender, other]) await raw.subscribe('doc');
  const deltas = [
    { type: 'counter', documentId: 'doc', operation: 'increment', value: 3, clientId: 'c', clock: { c: 1 } },
    { type: 'set', documentId: 'doc', operation: 'add', value: 'x', clientId: 'c', clock: { c: 2 } },
  ];
  await sender.acked(sender.send('delta_batch', { documentId: 'doc', deltas }));
  await other.expect('the operations', (message) => message.type === 'delta_batch');
  await Promise.all([sender.roundTrip(), other.roundTrip()]);
  t.strictSame(texts(other), deltas);
  t.strictSame(texts(sender), []);
  t.strictSame((await other.subscribe('doc'))['state'], {});
});

test('a client of SDK 0.1.1 works in a document that also has a text', async (t) => {
  const home = await server(t);
  const ann = await sdkClient(t, home.url, 'ann', 'doc');
  const raw = await client(t, home);
  await raw.subscribe('doc');
  await raw.acked(sendText(raw, 'doc', replica('bob', 'Hello')));
  await raw.acked(raw.set('doc', 'after', 1));
  await until('ann hears of the field', () => ann.document.getField('after') === 1);
  await ann.document.set('own', 2);
  await until('ann’s field', () => texts(raw).some((entry) => 'field' in entry && entry.field === 'own'));
  t.pass();
});

test('CON6: hostile states are refused or absorbed, and the other shard is served meanwhile', async (t) => {
  const home = await server(t, { SHARDS: '2', WS_MAX_PAYLOAD_BYTES: '64MiB' });
  const [hostile, others] = [await client(t, home), await client(t, home)];
  const documents = Array.from({ length: 8 }, (_, i) => `other-${i}`);
  const alice = replica('alice', 'Hello');
  await hostile.acked(sendText(hostile, 'doc', alice));
  const id = (clock: number) => ({ client_id: 'alice', clock, offset: 0 });
  const circle = Array.from({ length: 30_000 }, (_, i) => {
    const block = {
      id: id(i + 6),
      text: 'x',
      left_origin: id(((i + 1) % 30_000) + 6),
      right_origin: id(6),
      deleted: false,
    };
    return [id(i + 6), block];
  });
  const states = [
    ...[
      '{"blocks":[[',
      '[[[[[['.repeat(100_000),
      '{"blocks":[[{},{}]]}',
      '{"blocks":[],"clock":{"value":-1},"client_id":""}',
    ],
    JSON.stringify({ blocks: circle, clock: { value: 1 }, client_id: 'x' }),
    typed('__proto__', 20_000),
    JSON.stringify({
      blocks: [
        [
          id(5),
          { id: id(5), text: `e${'\u0301'.repeat(20_000)}`, left_origin: id(5), right_origin: id(5), deleted: true },
        ],
      ],
      ...{ clock: { value: Number.MAX_SAFE_INTEGER }, client_id: 'x' },
    }),
  ];
  const answered = states.map((state) =>
    hostile.send('delta_batch', { documentId: 'doc', deltas: [operation('doc', state, 'mallory')] }),
  );
  for (const documentId of documents) await others.acked(others.set(documentId, 'f', 1));
  for (const messageId of answered) {
    await hostile.expect(`an answer to ${messageId}`, (message) => {
      if (message.type === 'ack') return message['messageId'] === messageId;
      return message.type === 'error' && (message['details'] as Record<string, unknown>)['messageId'] === messageId;
    });
  }
  const late = new TextReplica('bob');
  late.merge((await others.subscribe('doc'))['textState'] as string);
  t.ok(late.length > 0, 'the text can still be read');
  t.strictSame(
    home.log.filter(({ level }) => level === 'error' || level === 'fatal'),
    [],
  );
});
