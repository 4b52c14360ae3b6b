/** What a client may send before it is authenticated, and how often it may be refused. */
import { test } from 'tap';
import { binaryFrame } from '../../support/clients/client.js';
import { client, secret, server, token } from '../../support/nodes/fixture.js';
import { residentBytes, watchMemory } from '../../support/memory.js';
import { until } from '../../support/nodes/server.js';

test('LIM7: before authentication a handful of messages, of any type, and few bytes', async (t) => {
  const to = await server(t, { JWT_SECRET: secret, DATABASE_URL: 'memory:' });
  for (const type of ['ack', 'pong', 'ping', 'delta', 'subscribe'] as const) {
    const raw = await client(t, to);
    for (let i = 0; i < 200; i++) raw.send(type, { documentId: 'd' });
    t.match(await raw.end(), { code: 1008, reason: /^Not authenticated/ }, type);
    t.ok(raw.messages.length <= 20, `${type}: ${raw.messages.length} answers`);
  }
  for (const bytes of [200_000, 3_000_000]) {
    const raw = await client(t, to);
    raw.set('d', 'f', 'x'.repeat(bytes));
    t.equal((await raw.end()).code, 1008, `${bytes} bytes`);
    t.same(raw.messages, []);
  }
  const late = await client(t, to);
  for (let i = 0; i < 10; i++) late.send('ping');
  late.send('auth', { token: token('ann', { read: ['*'], write: ['*'] }) });
  for (let i = 0; i < 100; i++) late.send('ping');
  await until('the pongs', () => late.received('pong').length === 110);
  const text = await (await fetch(`${to.http}/metrics`)).text();
  t.match(text, /synckit_misuse_closes_total{reason="unauthenticated"} 7/);
});

test('LIM8: who is refused again and again is disconnected, and others are not', async (t) => {
  const to = await server(t, { DATABASE_URL: 'memory:', SYNCKIT_MAX_REFUSALS_PER_MINUTE: '50' });
  const other = await client(t, to);
  const frames: [string, Buffer][] = [
    ['malformed', Buffer.from('garbage')],
    ['invalid', binaryFrame('subscribe', { documentId: 'a b' })],
  ];
  for (const [what, frame] of frames) {
    const raw = await client(t, to);
    for (let i = 0; i < 40; i++) raw.socket.send(frame);
    await raw.roundTrip();
    t.equal(raw.closed, undefined, what);
    for (let i = 0; i < 400; i++) raw.socket.send(frame);
    t.match(await raw.end(), { code: 1008, reason: /refused/ }, what);
    t.ok(raw.received('error').length < 80, `${what}: ${raw.received('error').length} errors`);
  }
  await other.acked(other.set('d', 'f', 1));
});

test('LIM9: bytes per second of a session; acks and pongs count by their bytes', async (t) => {
  const to = await server(t, { DATABASE_URL: 'memory:', SYNCKIT_MAX_RECEIVED_BYTES_PER_SECOND: '10000' });
  const raw = await client(t, to);
  for (let i = 0; i < 10; i++) raw.send('ack', { messageId: 'x'.repeat(3_000) });
  raw.set('d', 'f', 'x'.repeat(20_000));
  await until('a refusal', () => raw.received('error').length > 0);
  t.match(raw.received('error')[0]!['details'], { code: 'RATE_LIMIT_EXCEEDED', documentId: 'd', retryAfterMs: Number });
  const other = await client(t, to);
  await other.acked(other.set('d', 'f', 1));
});

test('LIM9: what all sessions of a user send counts together', async (t) => {
  const to = await server(t, {
    DATABASE_URL: 'memory:',
    JWT_SECRET: secret,
    SYNCKIT_MAX_USER_MESSAGES_PER_MINUTE: '60',
  });
  const as = (user: string) => client(t, to, { token: token(user, { read: ['*'], write: ['*'] }) });
  const [first, second, other] = await Promise.all([as('ann'), as('ann'), as('bob')]);
  for (let i = 0; i < 60; i++) first.send('ping');
  await until('the pongs', () => first.received('pong', 'error').length === 60);
  for (let i = 0; i < 10; i++) second.send('ping');
  await until('the answers', () => second.received('pong', 'error').length === 10);
  t.ok(second.received('error').length > 5);
  await second.close();
  const again = await as('ann');
  for (let i = 0; i < 10; i++) again.send('ping');
  await until('the answers', () => again.received('pong', 'error').length === 10);
  t.ok(again.received('error').length > 0, 'who connects again does not begin anew');
  await other.roundTrip();
});

test('LIM7: what unauthenticated clients leave unfinished or do not close takes bounded memory', async (t) => {
  const to = await server(t, {
    JWT_SECRET: secret,
    DATABASE_URL: 'memory:',
    SYNCKIT_MAX_UNAUTHENTICATED_BYTES: '32MiB',
  });
  const honest = await client(t, to, { token: token('ann', { read: ['*'], write: ['*'] }) });
  const before = residentBytes(to.pid);
  const memory = watchMemory(to.pid);
  for (let i = 0; i < 100; i++) {
    const raw = await client(t, to);
    // It does not answer the close frame, so the connection stays if it is not closed by force.
    raw.socket.pause();
    raw.socket.send(Buffer.alloc(3_500_000, 1), () => undefined);
    await honest.acked(honest.set('d', 'f', i));
  }
  const most = memory.stop() - before;
  t.ok(most < 200e6, `${Math.round(most / 1e6)} MB more`);
});
