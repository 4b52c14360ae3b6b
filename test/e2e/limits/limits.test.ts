import tap, { test, type Test } from 'tap';
import type { ClientOptions, Incoming, RawClient } from '../../support/clients/client.js';
import { client, server } from '../../support/nodes/fixture.js';
import { until, type ServerProcess } from '../../support/nodes/server.js';

/** A server with memory storage and these limits. */
const limited = (t: Test, env: NodeJS.ProcessEnv) => server(t, { DATABASE_URL: 'memory:', SHARDS: '1', ...env });

/** The close code with which a connection is rejected, or undefined. */
async function knock(t: Test, to: ServerProcess, options: ClientOptions = {}): Promise<number | undefined> {
  const raw = await client(t, to, options);
  raw.send('ping');
  await until('a pong or the end', () => raw.closed !== undefined || raw.received('pong').length > 0);
  return raw.closed?.code;
}

const codeOf = (message: Incoming) => (message['details'] as { code: string }).code;

test('LIM6: connections over the limit are rejected with 1013, and accepted again below it', async (t) => {
  const to = await limited(t, { WS_MAX_CONNECTIONS: '3' });
  const [first] = await Promise.all([client(t, to), client(t, to), client(t, to)]);
  t.equal(await knock(t, to), 1013);
  t.equal(await knock(t, to, { encoding: 'json' }), 1013);
  await first.close();
  t.equal(await knock(t, to), undefined);
});

test('LIM6: connections from one address, whatever X-Forwarded-For says', async (t) => {
  const to = await limited(t, { SYNCKIT_MAX_CONNECTIONS_PER_IP: '2' });
  const from = (address: string) => ({ headers: { 'X-Forwarded-For': address } });
  t.equal(await knock(t, to), undefined);
  t.equal(await knock(t, to, from('192.0.2.1')), undefined);
  t.equal(await knock(t, to, from('192.0.2.2')), 1008);
  t.equal(await knock(t, to, { localAddress: '127.0.0.2' }), undefined, 'another address');
});

test('LIM6: the address that a trusted proxy reports counts', async (t) => {
  const to = await limited(t, {
    SYNCKIT_MAX_CONNECTIONS_PER_IP: '1',
    SYNCKIT_TRUSTED_PROXIES: '127.0.0.1,192.0.2.0/24',
  });
  const from = (chain: string | string[]) => ({ headers: { 'X-Forwarded-For': chain } });
  t.equal(await knock(t, to, from('198.51.100.1')), undefined);
  t.equal(await knock(t, to, from('198.51.100.1')), 1008);
  t.equal(await knock(t, to, from('203.0.113.9, 198.51.100.1')), 1008, 'what stands before it was sent by the client');
  t.equal(await knock(t, to, from(['203.0.113.9', '198.51.100.1:4711'])), 1008, 'as HAProxy and Azure write it');
  t.equal(await knock(t, to, from('198.51.100.2, 192.0.2.7')), undefined, 'a chain of trusted proxies');
  t.equal(await knock(t, to, from('198.51.100.2')), 1008);
  t.equal(await knock(t, to, { localAddress: '127.0.0.2', ...from('198.51.100.3') }), undefined);
  t.equal(await knock(t, to, { localAddress: '127.0.0.2', ...from('198.51.100.4') }), 1008, 'not a trusted proxy');
});

test('LIM3: messages per minute; acks and pongs are free, garbage is not, and the connection stays', async (t) => {
  const to = await limited(t, { SYNCKIT_MAX_MESSAGES_PER_MINUTE: '20' });
  const raw = await client(t, to);
  for (let i = 0; i < 500; i++) raw.send(i % 2 === 0 ? 'ack' : 'pong', { messageId: 'x' });
  await raw.roundTrip();
  t.same(raw.received('error'), []);
  for (let i = 0; i < 100; i++) raw.set('d', 'f', i);
  raw.socket.send(Buffer.from('garbage'));
  await until('the answers', () => raw.received('ack', 'error').length === 101);
  const refused = raw.received('error');
  t.ok(refused.length > 50 && refused.length < 85);
  t.same([...new Set(refused.map(codeOf))], ['RATE_LIMIT_EXCEEDED']);
  for (const { error } of refused) t.match(error, /^Too many messages/);
  t.match(refused[0]!['details'], { documentId: 'd', messageId: String });
  t.equal(raw.closed, undefined);
  const other = await client(t, to);
  await other.acked(other.set('d', 'f', 'others are not concerned'));
});

test('LIM1: a message over the payload limit ends its connection with 1006 and no other', async (t) => {
  const to = await limited(t, { WS_MAX_PAYLOAD_BYTES: '64KiB' });
  const other = await client(t, to);
  for (const encoding of ['binary', 'json'] as const) {
    const raw = await client(t, to, { encoding });
    await raw.acked(raw.set('d', 'f', 'x'.repeat(60_000)));
    raw.set('d', 'f', 'x'.repeat(65_536));
    t.equal((await raw.end()).code, 1006);
  }
  t.same(Object.keys((await other.subscribe('d'))['state'] as object), ['f']);
});

test('LIM4: subscriptions per session; a session at the limit may still write', async (t) => {
  const to = await limited(t, { SYNCKIT_MAX_SUBSCRIPTIONS: '3' });
  const raw = await client(t, to);
  for (const documentId of ['a', 'b', 'c', 'a']) await raw.subscribe(documentId);
  const over = await raw.refused(raw.send('subscribe', { documentId: 'd' }));
  t.match(over, { error: /^Too many messages/, details: { code: 'RATE_LIMIT_EXCEEDED', documentId: 'd' } });
  await raw.acked(raw.set('d', 'f', 1));
  raw.send('unsubscribe', { documentId: 'a' });
  t.same((await raw.subscribe('e'))['state'], {});
  t.same(raw.received('delta'), [], 'it does not hear of the document that it only wrote to');
  for (const documentId of ['a', 'b', 'c']) raw.send('awareness_subscribe', { documentId });
  const tooMany = raw.send('awareness_subscribe', { documentId: 'd' });
  t.match((await raw.refused(tooMany)).details, { code: 'RATE_LIMIT_EXCEEDED' });
  await until('the states of the others', () => raw.received('awareness_state').length === 3);
});

test('LIM4: client ids and the size of an awareness state', async (t) => {
  const to = await limited(t, { SYNCKIT_MAX_CLIENT_IDS: '2', SYNCKIT_MAX_AWARENESS_BYTES: '100' });
  const raw = await client(t, to);
  const update = (clientId: string, state: object) =>
    raw.send('awareness_update', { documentId: 'd', clientId, state, clock: 1 });
  const large = await raw.refused(update('a', { text: 'x'.repeat(100) }));
  t.match(large, { error: /^Message too large/, details: { code: 'MESSAGE_TOO_LARGE', documentId: 'd' } });
  update('a', {});
  update('b', {});
  t.match((await raw.refused(update('c', {}))).details, { code: 'RATE_LIMIT_EXCEEDED' });
});

const chunk = (raw: RawClient, chunkId: string, chunkIndex: number, data: string) =>
  raw.send('delta_batch_chunk', { chunkId, totalChunks: 2, chunkIndex, data });

test('LIM2: unfinished chunk sets are bounded in number, bytes and time', async (t) => {
  const bounds = { SYNCKIT_MAX_CHUNK_SETS: '2', SYNCKIT_MAX_CHUNKED_BYTES: '4KiB', SYNCKIT_CHUNK_TIMEOUT_MS: '700' };
  const to = await limited(t, bounds);
  const message = JSON.stringify({ type: 'delta', id: 'whole', timestamp: 1, documentId: 'd', field: 'f', value: 1 });
  const [head, tail] = [message.slice(0, 30), message.slice(30)].map((part) => Buffer.from(part).toString('base64'));

  const many = await client(t, to);
  chunk(many, 'a', 0, head!);
  chunk(many, 'b', 0, head!);
  t.match((await many.refused(chunk(many, 'c', 0, head!))).details, { code: 'RATE_LIMIT_EXCEEDED' });
  chunk(many, 'a', 1, tail!);
  await many.acked('whole');

  const large = await client(t, to, { encoding: 'json' });
  chunk(large, 'a', 0, 'A'.repeat(2_000));
  t.match((await large.refused(chunk(large, 'a', 1, 'A'.repeat(2_000)))).details, { code: 'MESSAGE_TOO_LARGE' });
  chunk(large, 'b', 0, 'A'.repeat(3_000));
  t.match((await large.refused(chunk(large, 'c', 0, 'A'.repeat(100)))).details, { code: 'MESSAGE_TOO_LARGE' });

  // Dropped sets do not count any more, without a further message of the connection.
  const slow = await client(t, to);
  chunk(slow, 'a', 0, head!);
  chunk(slow, 'b', 0, head!);
  await until('the sets to be dropped', async () => {
    const before = slow.received('error').length;
    chunk(slow, 'c', 0, head!);
    await slow.roundTrip();
    return slow.received('error').length === before;
  });
  chunk(slow, 'c', 1, tail!);
  await until('the ack of the new set', () => slow.received('ack').length === 1);
});

test('LIM5: fields and bytes of a document; deleting is possible at the limit', async (t) => {
  const to = await limited(t, { SYNC_MAX_DOCUMENT_FIELDS: '3', SYNC_MAX_DOCUMENT_BYTES: '20KiB' });
  const raw = await client(t, to);
  const put = (documentId: string, delta: object) => raw.send('delta', { documentId, delta });
  const tooLarge = { error: /^Document too large/, details: { code: 'DOCUMENT_TOO_LARGE' } };
  await raw.acked(put('fields', { a: 1, b: 1 }));
  t.match(await raw.refused(put('fields', { c: 1, d: 1 })), tooLarge, 'as a whole');
  await raw.acked(put('fields', { a: 2, c: 1 }));
  t.match(await raw.refused(put('fields', { d: 1 })), tooLarge);
  await raw.acked(put('fields', { a: { __deleted: true } }));
  await raw.acked(put('fields', { d: 1 }));
  t.match(await raw.refused(put('fields', { e: 1 })), tooLarge, 'only removed fields do not count');
  await raw.acked(put('fields', { never: { __deleted: true } }));
  t.same((await raw.subscribe('fields'))['state'], { b: 1, c: 1, d: 1 });

  const text = 'x'.repeat(8_000);
  await raw.acked(put('bytes', { a: text }));
  await raw.acked(put('bytes', { b: text }));
  t.match(await raw.refused(put('bytes', { c: text })), tooLarge);
  await raw.acked(put('bytes', { a: { __deleted: true } }));
  await raw.acked(put('bytes', { c: text }));
  t.same(Object.keys((await raw.subscribe('bytes'))['state'] as object), ['b', 'c']);
});

/** For tests that need no limit of their own. */
const plain = await server(tap, { DATABASE_URL: 'memory:' });

test('invalid document ids are refused everywhere, and nothing is stored', async (t) => {
  const raw = await client(t, plain, { encoding: 'json' });
  const invalid = [
    '',
    ' ',
    'a b',
    'ä',
    'a/b',
    '../etc',
    'x'.repeat(257),
    'a\u0000',
    'a.b',
    7,
    null,
    ['a'],
    { a: 1 },
    undefined,
  ];
  const types = [
    'subscribe',
    'unsubscribe',
    'sync_request',
    'sync_step1',
    'awareness_subscribe',
    'delta',
    'delta_batch',
  ] as const;
  for (const documentId of invalid) {
    for (const type of types) {
      const { details, error } = await raw.refused(raw.send(type, { documentId, field: 'f', value: 1, deltas: [] }));
      t.equal(details['code'], 'INVALID_DOCUMENT_ID', `${type} of ${JSON.stringify(documentId)}`);
      t.match(error, /^Invalid document ID/);
    }
  }
  for (const documentId of ['x'.repeat(256), 'room:1', '0', '-', '_', '__proto__', 'constructor']) {
    await raw.acked(raw.set(documentId, 'f', documentId));
    t.same((await raw.subscribe(documentId))['state'], { f: documentId });
  }
});

test('CON6, ERR1: garbage and unknown types are answered with an error, and the connection stays open', async (t) => {
  const binary = (code: number) =>
    Buffer.concat([Buffer.from([code]), Buffer.alloc(11), Buffer.from([2]), Buffer.from('{}')]);
  const bad: [string | Buffer, string][] = [
    [Buffer.alloc(0), 'INVALID_MESSAGE'],
    [Buffer.from([0x20]), 'INVALID_MESSAGE'],
    [Buffer.alloc(13, 0xff), 'INVALID_MESSAGE'],
    [binary(0x99), 'UNKNOWN_TYPE'],
    [binary(0x13), 'UNKNOWN_TYPE'],
    [Buffer.from('{"type":"delta"'), 'INVALID_DOCUMENT_ID'],
    [Buffer.from('{"type":"subscribe","id":"x","timestamp":1,"documentId":"a"'), 'INVALID_MESSAGE'],
    ['', 'INVALID_MESSAGE'],
    ['null', 'INVALID_MESSAGE'],
    ['[]', 'INVALID_MESSAGE'],
    ['{}', 'INVALID_MESSAGE'],
    ['{"type":7}', 'INVALID_MESSAGE'],
    ['{"type":"nonsense","id":"x","timestamp":1}', 'UNKNOWN_TYPE'],
    ['{"type":"sync_response","id":"x","timestamp":1}', 'UNKNOWN_TYPE'],
    ['{"type":"subscribe","type":"delta","id":"x","timestamp":1,"documentId":"a"}', 'INVALID_MESSAGE'],
    ['{"type":"delta","documentId":"a",,}', 'INVALID_MESSAGE'],
    ['['.repeat(100_000), 'INVALID_MESSAGE'],
    [
      `{"type":"delta","id":"deep","timestamp":1,"documentId":"a","field":"f","value":${'['.repeat(50_000)}${']'.repeat(50_000)}}`,
      'INVALID_DELTA',
    ],
  ];
  const raw = await client(t, plain);
  for (const [i, [frame, code]] of bad.entries()) {
    raw.socket.send(frame);
    await until(`an error to ${frame.toString().slice(0, 60)}`, () => raw.received('error').length === i + 1);
    const error = raw.received('error')[i]!;
    t.equal(codeOf(error), code, JSON.stringify(frame.toString().slice(0, 60)));
    t.match(error, { id: String, error: String, timestamp: Number });
  }
  t.equal(raw.closed, undefined);
  t.same((await client(t, plain).then((other) => other.subscribe('a')))['state'], {}, 'nothing was applied');
});

test('ERR3: an error names the document and the message it answers', async (t) => {
  for (const encoding of ['binary', 'json'] as const) {
    const raw = await client(t, plain, { encoding });
    raw.send('delta', { documentId: 'err3', field: 7, value: 1, messageId: 'own' });
    t.same((await raw.refused('own')).details, { code: 'INVALID_DELTA', documentId: 'err3', messageId: 'own' });
    const id = raw.send('sync_request', { documentId: 'err3', vectorClock: [] });
    t.same((await raw.refused(id)).details, { code: 'INVALID_MESSAGE', documentId: 'err3', messageId: id });
  }
});
