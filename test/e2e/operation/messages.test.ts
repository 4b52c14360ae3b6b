import tap, { test, type Test } from 'tap';
import { binaryFrame, type ClientOptions, type Incoming, type RawClient } from '../../support/clients/client.js';
import { client, server } from '../../support/nodes/fixture.js';
import { until } from '../../support/nodes/server.js';

const shared = await server(tap, { DATABASE_URL: 'memory:', SYNCKIT_MAX_CHUNKED_BYTES: '4MiB' });
const connect = (t: Test, options: ClientOptions = {}) => client(t, shared, options);
const removed = { __deleted: true };

/** Whether each frame that came was binary, in order. */
function framesOf(raw: RawClient): boolean[] {
  const binary: boolean[] = [];
  raw.socket.on('message', (_data: Buffer, isBinary: boolean) => binary.push(isBinary));
  return binary;
}

test('CON1: answers are binary until the first text frame, then text for good', async (t) => {
  const raw = await connect(t);
  const binary = framesOf(raw);
  await raw.subscribe('con1');
  raw.socket.send(JSON.stringify({ type: 'ping', id: 'p', timestamp: 1 }));
  await until('a pong', () => raw.received('pong').length === 1);
  await raw.acked(raw.set('con1', 'f', 1));
  await until('the update', () => raw.received('delta').length === 1);
  t.same(binary, [true, false, false, false], 'the subscription has moved over too');
});

test('CON2, CON3: JSON in a binary frame is accepted, and bytes after the given length are ignored', async (t) => {
  const raw = await connect(t);
  const binary = framesOf(raw);
  raw.socket.send(Buffer.from(JSON.stringify({ type: 'subscribe', id: 'a', timestamp: 1, documentId: 'con2' })));
  await raw.expect('the state', (m) => m['requestId'] === 'a');
  raw.socket.send(Buffer.concat([binaryFrame('subscribe', { id: 'b', documentId: 'con2' }), Buffer.from('}}garbage')]));
  await raw.expect('the state', (m) => m['requestId'] === 'b');
  t.same(binary, [true, true]);
  raw.socket.send(binaryFrame('subscribe', { id: 'c', documentId: 'con2' }).subarray(0, -1));
  t.match(await raw.expect('an error', (m) => m.type === 'error'), { details: { code: 'INVALID_MESSAGE' } });
});

test('CON4: the type in the header counts, whatever the payload contains', async (t) => {
  const raw = await connect(t);
  await raw.acked(raw.send('delta', { type: 'subscribe', documentId: 'con4', field: 'f', value: 1 }));
  t.same((await raw.subscribe('con4'))['state'], { f: 1 });
});

test('CON5: a nested payload is flattened in JSON messages; type, id and timestamp are required', async (t) => {
  const raw = await connect(t, { encoding: 'json' });
  const payload = { type: 'set', documentId: 'con5', field: 'f', value: 1, messageId: 'mine' };
  raw.socket.send(JSON.stringify({ type: 'delta', id: 'outer', timestamp: Date.now(), payload }));
  await raw.acked('mine');
  t.same((await raw.subscribe('con5'))['state'], { f: 1 });

  const complete = { type: 'subscribe', id: 'x', timestamp: 1, documentId: 'con5' };
  for (const [i, missing] of ['type', 'id', 'timestamp'].entries()) {
    raw.socket.send(JSON.stringify({ ...complete, [missing]: undefined }));
    await until(`an error for the missing ${missing}`, () => raw.received('error').length === i + 1);
  }
  for (const { details, error } of raw.received('error')) {
    t.match(details, { code: 'INVALID_MESSAGE' });
    t.match(error, /^Invalid message format/);
  }
  raw.socket.send(JSON.stringify({ type: 'connect', id: 'c', timestamp: 1 }));
  await raw.roundTrip();
  t.equal(raw.received('error').length, 3, 'connect is not answered');
});

test('CON7: ping is answered with pong in both encodings', async (t) => {
  for (const encoding of ['binary', 'json'] as const) {
    const raw = await connect(t, { encoding });
    await raw.roundTrip();
    t.match(raw.messages, [{ type: 'pong', id: String, timestamp: Number }]);
  }
});

/** All ways of writing a field. */
const forms: [name: string, type: 'delta' | 'delta_batch', fields: (documentId: string) => Record<string, unknown>][] =
  [
    ['one field', 'delta', () => ({ field: 'a', value: 1, clock: { me: 1 }, clientId: 'me' })],
    ['a count for a clock', 'delta', () => ({ field: 'a', value: 1, clock: 7 })],
    ['server form', 'delta', () => ({ delta: { a: 1, b: removed }, vectorClock: { me: 1 }, clientId: 'me' })],
    ['server form, no clock', 'delta', () => ({ delta: { a: 1 } })],
    ['batch', 'delta_batch', (documentId) => ({ deltas: [{ type: 'set', documentId, field: 'a', value: 1 }] })],
    [
      'bare batch',
      'delta_batch',
      () => ({
        deltas: [
          { field: 'b', value: 2 },
          { field: 'a', value: 1 },
          { field: 'b', value: removed },
        ],
      }),
    ],
    [
      'batch with an entry that is no operation',
      'delta_batch',
      () => ({ deltas: [{ note: 1 }, { field: 'a', value: 1 }] }),
    ],
  ];

test('every form of a write has the same effect in both encodings', async (t) => {
  for (const encoding of ['binary', 'json'] as const) {
    const raw = await connect(t, { encoding });
    for (const [i, [name, type, fields]] of forms.entries()) {
      const documentId = `form-${encoding}-${i}`;
      await raw.acked(raw.send(type, { documentId, ...fields(documentId) }));
      t.same((await raw.subscribe(documentId))['state'], { a: 1 }, `${name}, ${encoding}`);
    }
  }
});

test('ACK2: the ack has the messageId or else the id, and is sent once, to the sender alone', async (t) => {
  const raw = await connect(t);
  const other = await connect(t);
  await other.subscribe('ack2');
  const id = raw.set('ack2', 'f', 1);
  raw.send('delta', { documentId: 'ack2', field: 'f', value: 2, messageId: 'own' });
  raw.socket.send(binaryFrame('delta', { documentId: 'ack2', field: 'f', value: 3 }));
  const last = raw.send('delta_batch', { documentId: 'ack2', deltas: [{ field: 'g', value: 4 }] });
  await raw.acked(last);
  t.same(
    raw.received('ack').map((m) => m['messageId']),
    [id, 'own', last],
    'none for the one without an id',
  );
  await other.expect('the last update', (m) => m['field'] === 'g');
  await other.roundTrip();
  t.same(other.received('ack'), []);
});

test('ACK3: a message with one bad operation is refused as a whole', async (t) => {
  const raw = await connect(t, { encoding: 'json' });
  const good = { field: 'good', value: 1 };
  const bad: [unknown, string][] = [
    [{ field: 7, value: 1 }, 'INVALID_DELTA'],
    [{ field: 'f' }, 'INVALID_DELTA'],
    [{ field: 'f', value: 1, clock: { me: -1 } }, 'INVALID_DELTA'],
    [{ field: 'f', value: 1, clock: 'now' }, 'INVALID_DELTA'],
    [{ field: 'x'.repeat(1025), value: 1 }, 'INVALID_DELTA'],
    [{ field: 'f', value: 1, documentId: 'another' }, 'PERMISSION_DENIED'],
    [{ type: 'text-state', state: '{}', clientId: 'a', clock: 1 }, 'INVALID_DELTA'],
    ['nothing', 'INVALID_DELTA'],
  ];
  for (const [operation, code] of bad) {
    const { details, error } = await raw.refused(
      raw.send('delta_batch', { documentId: 'ack3', deltas: [good, operation] }),
    );
    t.match(details, { code, documentId: 'ack3' }, JSON.stringify(operation));
    t.match(error, code === 'INVALID_DELTA' ? /^Invalid delta message/ : /^Permission denied/);
  }
  t.match((await raw.refused(raw.send('delta_batch', { documentId: 'ack3' }))).details, { code: 'INVALID_DELTA' });
  t.match((await raw.refused(raw.send('delta', { documentId: 'ack3' }))).details, { code: 'INVALID_DELTA' });
  t.same((await raw.subscribe('ack3'))['state'], {});
});

/** A message in chunks of some bytes. */
function chunksOf(message: Buffer, chunkId: string, size: number): Record<string, unknown>[] {
  const totalChunks = Math.ceil(message.length / size);
  return Array.from({ length: totalChunks }, (_, chunkIndex) => ({
    chunkId,
    totalChunks,
    chunkIndex,
    data: message.subarray(chunkIndex * size, (chunkIndex + 1) * size).toString('base64'),
  }));
}

test('LIM2: chunks in any order make one message, binary or JSON, from either kind of connection', async (t) => {
  const batch = (documentId: string) => ({
    documentId,
    messageId: 'whole',
    deltas: Array.from({ length: 300 }, (_, i) => ({
      type: 'set',
      documentId,
      field: `f${i}`,
      value: 'é'.repeat(100),
    })),
  });
  for (const encoding of ['binary', 'json'] as const) {
    for (const inner of ['binary', 'json'] as const) {
      const documentId = `chunks-${encoding}-${inner}`;
      const raw = await connect(t, { encoding });
      const message =
        inner === 'binary'
          ? binaryFrame('delta_batch', batch(documentId))
          : Buffer.from(
              JSON.stringify({ type: 'delta_batch', id: 'i', timestamp: Date.now(), payload: batch(documentId) }),
            );
      const chunks = chunksOf(message, 'set', 10_000);
      t.ok(chunks.length > 3);
      for (const chunk of [...chunks.slice(1).reverse(), chunks[1]!, chunks[0]!]) raw.send('delta_batch_chunk', chunk);
      await raw.acked('whole');
      const { state } = await raw.subscribe(documentId);
      t.equal(Object.keys(state as object).length, 300, documentId);
      t.same(raw.received('error', 'delta'), [], 'who sends chunks understands delta_batch');
    }
  }
});

test('LIM2: two sets at a time do not mix; a set that is no valid write is refused', async (t) => {
  const raw = await connect(t);
  const sets = ['x', 'y'].map((name) =>
    chunksOf(
      binaryFrame('delta', { documentId: 'lim2', field: name, value: name.repeat(50), messageId: name }),
      name,
      40,
    ),
  );
  for (const chunks of [sets[0]!.slice(0, 2), sets[1]!, sets[0]!.slice(2)]) {
    for (const chunk of chunks) raw.send('delta_batch_chunk', chunk);
  }
  await Promise.all([raw.acked('x'), raw.acked('y')]);
  t.same((await raw.subscribe('lim2'))['state'], { x: 'x'.repeat(50), y: 'y'.repeat(50) });

  const wrong: [Buffer, string][] = [
    [Buffer.from('nothing of ours'), 'INVALID_MESSAGE'],
    [binaryFrame('subscribe', { documentId: 'lim2' }), 'INVALID_MESSAGE'],
    [Buffer.concat([Buffer.from([0x99]), binaryFrame('delta', {}).subarray(1)]), 'UNKNOWN_TYPE'],
  ];
  for (const [message, code] of wrong) {
    const ids = chunksOf(message, 'wrong', 10).map((chunk) => raw.send('delta_batch_chunk', chunk));
    t.match((await raw.refused(ids.at(-1)!)).details, { code });
  }
  const malformed = [
    {},
    { chunkId: 'c', totalChunks: 0, chunkIndex: 0, data: '' },
    { chunkId: 'c', totalChunks: 2, chunkIndex: 2, data: '' },
  ];
  for (const chunk of malformed) {
    t.match((await raw.refused(raw.send('delta_batch_chunk', chunk))).details, { code: 'INVALID_MESSAGE' });
  }
});

test('FAN2, FAN3: a burst reaches a subscriber in order, batched, and ends with the winners', async (t) => {
  const writer = await connect(t);
  const supportsBatch = await connect(t, { encoding: 'json' });
  await supportsBatch.acked(supportsBatch.send('delta_batch', { documentId: 'burst', deltas: [] }));
  for (let i = 0; i < 10_000; i++) writer.set('burst', `f${i % 100}`, i);
  await until('all acks', () => writer.received('ack').length === 10_000);
  const seen = new Map<string, number>();
  await until('the last values', () => {
    seen.clear();
    for (const { deltas } of supportsBatch.received('delta_batch')) {
      for (const { field, value } of deltas as Incoming[]) seen.set(field as string, value as number);
    }
    return seen.size === 100 && [...seen.values()].every((value) => value >= 9_900);
  });
  t.same(
    [...seen.values()].sort(),
    Array.from({ length: 100 }, (_, i) => 9_900 + i),
  );
  t.ok(supportsBatch.received('delta_batch').length < 5_000, 'several writes left together');
});
