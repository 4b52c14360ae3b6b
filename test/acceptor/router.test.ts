/** From a frame to an action: what is refused, what is counted, and what reaches the shards. */
import { test } from 'tap';
import { compilePermissions } from '../../src/auth/permissions.js';
import { anonymousIdentity } from '../../src/auth/tokens/tokens.js';
import { turn } from '../support/parts/recording-shards.js';
import { delta, MAX_SETS, routerFixture as fixture } from '../support/parts/router.js';

test('a write reaches the shards with its payload, and its writer hears of the document', async (t) => {
  const { shards, topics, join } = fixture(t);
  const client = join();
  t.strictSame(client.send(delta('d')), []);
  await turn();
  t.equal(shards.tasks.length, 1);
  t.match(shards.tasks[0]![0], /^d:.*"field":"f"/);
  t.equal(topics.isOnlySubscriber(client.session, 'd'), true);
  t.strictSame(client.topics(), ['X:d', 'pj:d'], 'as JSON, since it has sent a text frame');
});

test('beyond its limit of subscriptions a writer still writes', async (t) => {
  const { shards, join } = fixture(t);
  const client = join();
  for (const id of ['a', 'b', 'c']) t.strictSame(client.send(delta(id)), []);
  await turn();
  t.equal(shards.tasks.flat().length, 3);
  t.strictSame([...client.session.subscriptions.keys()], ['a', 'b']);
});

test('a write is refused that may not be, and nothing of it reaches the shards', async (t) => {
  const { shards, join } = fixture(t);
  const client = join({ mayWrite: ['mine'] });
  t.strictSame(client.send(delta('')), ['send error INVALID_DOCUMENT_ID m']);
  t.strictSame(client.send(delta('other')), ['send error PERMISSION_DENIED m']);
  t.strictSame(join({ state: 'connecting' }).send(delta('mine')), ['send error AUTH_REQUIRED m']);
  t.strictSame(join({ state: 'draining' }).send(delta('mine')), ['send error SHUTTING_DOWN m']);
  await turn();
  t.strictSame(shards.tasks, []);
  t.strictSame(client.session.subscriptions.size, 0);
});

test('contract 10: where no more may wait a write is refused', async (t) => {
  const { shards, join } = fixture(t, { maxQueuedBytes: 10 });
  t.strictSame(join().send(delta('d')), ['send error RATE_LIMIT_EXCEEDED m']);
  await turn();
  t.strictSame(shards.tasks, []);
});

test('LIM1 each message counts, faults too; acks and pongs do not', (t) => {
  const { join } = fixture(t);
  const client = join({ perMinute: 3 });
  for (let i = 0; i < 20; i++) t.strictSame(client.send({ type: i % 2 ? 'ack' : 'pong', timestamp: 1 }), []);
  t.strictSame(client.send('no JSON'), ['send error INVALID_MESSAGE -']);
  t.strictSame(client.send({ type: 'ping', timestamp: 1 }), ['send pong']);
  t.strictSame(client.send(delta('d')), []);
  t.strictSame(client.send(delta('d')), ['send error RATE_LIMIT_EXCEEDED m']);
  t.strictSame(client.send('no JSON'), ['send error RATE_LIMIT_EXCEEDED -']);
  t.end();
});

test('a message with two types is not routed by one and read by the other', (t) => {
  const { join } = fixture(t);
  const text = '{"type":"subscribe","id":"m","timestamp":1,"documentId":"d","type":"unsubscribe"}';
  t.strictSame(join().send(text), ['send error INVALID_MESSAGE m']);
  t.end();
});

test('a control message that is too large is not parsed', (t) => {
  const { join } = fixture(t);
  const client = join();
  const message = { type: 'subscribe', timestamp: 1, documentId: 'd', id: 'm', pad: 'x'.repeat(1024 * 1024) };
  t.match(client.send(message)[0], /MESSAGE_TOO_LARGE/);
  t.equal(client.session.subscriptions.size, 0);
  t.end();
});

test('a client that sends a batch gets batches from then on', async (t) => {
  const { join } = fixture(t);
  const client = join();
  client.send(delta('d'));
  t.strictSame(client.topics(), ['X:d', 'pj:d']);
  client.send({ type: 'delta_batch', timestamp: 1, documentId: 'd', deltas: [] });
  await turn();
  t.equal(client.session.supportsBatch, true);
  t.strictSame(client.topics(), ['X:d', 'pJ:d']);
});

test('LIM2: chunks that are complete are routed as the message they hold, and refused as it is', async (t) => {
  const { shards, join } = fixture(t);
  const client = join({ mayWrite: ['mine'] });
  const chunksOf = (documentId: string): object[] => {
    const bytes = Buffer.from(JSON.stringify(delta(documentId)));
    return [0, 1].map((chunkIndex) => ({
      ...{ type: 'delta_batch_chunk', timestamp: 1, chunkId: documentId, totalChunks: 2, chunkIndex },
      data: bytes.subarray(chunkIndex * 40, chunkIndex === 0 ? 40 : undefined).toString('base64'),
    }));
  };
  const [first, second] = chunksOf('mine');
  t.strictSame(client.send(second!), []);
  await turn();
  t.strictSame(shards.tasks, [], 'it is not complete');
  t.strictSame(client.send(first!), []);
  await turn();
  t.match(shards.tasks[0]![0], /^mine:/);
  const [other, last] = chunksOf('other');
  client.send(other!);
  t.strictSame(client.send(last!), ['send error PERMISSION_DENIED m'], 'with the id of the message inside');
  const sets = Array.from({ length: MAX_SETS + 1 }, (_, i) => client.send({ ...first, chunkId: `set ${i}` }));
  t.strictSame(sets.flat(), ['send error RATE_LIMIT_EXCEEDED -']);
});

test('messages that wait are charged once, when they are handled, or when they are refused', async (t) => {
  const { shards, hold, join } = fixture(t);
  const client = join({ perMinute: 2 });
  const release = hold(client);
  for (const id of ['a', 'b', 'c']) t.strictSame(client.send(delta(id)), []);
  release();
  t.strictSame(client.socket.calls, ['send error RATE_LIMIT_EXCEEDED m']);
  await turn();
  t.equal(shards.tasks.flat().length, 2);

  const other = join({ perMinute: 1 });
  const releaseOther = hold(other);
  other.send(delta('a'));
  t.strictSame(other.send(delta('b', { pad: 'x'.repeat(1024 * 1024) })), ['send error RATE_LIMIT_EXCEEDED m']);
  releaseOther();
  t.strictSame(other.socket.calls.slice(1), ['send error RATE_LIMIT_EXCEEDED m'], 'the refused one was charged');
});

test('LIM7: what waits for the check of a token is no message before authentication', async (t) => {
  const { shards, hold, join } = fixture(t);
  const client = join({ state: 'connecting' });
  const release = hold(client);
  for (let i = 0; i < 25; i++) t.strictSame(client.send(delta(`d${i}`)), []);
  const access = compilePermissions(anonymousIdentity.permissions);
  client.session.become({ kind: 'authenticated', identity: anonymousIdentity, access });
  release();
  await turn();
  t.equal(shards.tasks.flat().length, 25);
});
