/** Who may connect: what is refused leaves room for others. */
import { connect, type Socket } from 'node:net';
import { test, type Test } from 'tap';
import WebSocket from 'ws';
import type { RawClient } from '../../support/clients/client.js';
import { client, secret, server, token } from '../../support/nodes/fixture.js';
import { until, type ServerProcess } from '../../support/nodes/server.js';

const everything = { read: ['*'], write: ['*'] };

test('LIM10: silent connections keep nobody out who authenticates', async (t) => {
  const to = await server(t, { JWT_SECRET: secret, DATABASE_URL: 'memory:', WS_MAX_CONNECTIONS: '30' });
  const silent: RawClient[] = [];
  for (let i = 0; i < 40; i++) silent.push(await client(t, to));
  await until('most of them to be closed', () => silent.filter(({ closed }) => closed !== undefined).length >= 37);
  const asMessage = await client(t, to);
  asMessage.send('auth', { token: token('ann', everything) });
  await asMessage.subscribe('d');
  const inQuery = await client(t, to, { token: token('bob', everything) });
  await inQuery.subscribe('d');
  for (let i = 0; i < 10; i++) await client(t, to);
  await asMessage.roundTrip();
  await inQuery.roundTrip();
  const text = await (await fetch(`${to.http}/metrics`)).text();
  t.match(text, /synckit_connections_rejected_total\{reason="unauthenticated"\} (4|5)\d/);
});

/** How many of a number of handshakes at once are accepted. */
async function handshakes(t: Test, to: ServerProcess, count: number): Promise<number> {
  const results = await Promise.all(
    Array.from({ length: count }, async () => {
      const socket = new WebSocket(to.url);
      t.teardown(() => socket.terminate());
      return new Promise<boolean>((resolve) => {
        socket.once('open', () => resolve(true)).once('error', () => resolve(false));
      });
    }),
  );
  return results.filter(Boolean).length;
}

test('LIM11: handshakes and HTTP requests per second of an address', async (t) => {
  const to = await server(t, {
    DATABASE_URL: 'memory:',
    SYNCKIT_MAX_HANDSHAKES_PER_SECOND: '1',
    SYNCKIT_MAX_HTTP_REQUESTS_PER_SECOND: '100',
  });
  const accepted = await handshakes(t, to, 30);
  t.ok(accepted >= 5 && accepted < 25, `${accepted} of 30 handshakes`);
  const slow = await server(t, { DATABASE_URL: 'memory:', SYNCKIT_MAX_HTTP_REQUESTS_PER_SECOND: '1' });
  const statuses = [];
  for (let i = 0; i < 20; i++) statuses.push((await fetch(`${slow.http}/health/live`)).status);
  t.ok(statuses.includes(200) && statuses.includes(429), statuses.join(' '));
  t.equal(await handshakes(t, slow, 30), 30, 'handshakes are none of them');
});

test('LIM11: connections that are no WebSockets are bounded, and do no harm', async (t) => {
  const to = await server(t, { DATABASE_URL: 'memory:', SYNCKIT_MAX_HTTP_CONNECTIONS: '10' });
  const writer = await client(t, to);
  const idle: Socket[] = [];
  let closed = 0;
  for (let i = 0; i < 40; i++) {
    const socket = connect(to.port, '127.0.0.1');
    socket.on('error', () => undefined).on('close', () => closed++);
    t.teardown(() => socket.destroy());
    idle.push(socket);
  }
  await until('the further ones to be closed', () => closed === 30);
  await writer.acked(writer.set('d', 'f', 1));
  t.ok(to.log.some(({ msg, reason }) => msg === 'a connection or request is refused' && reason === 'sockets'));
  for (const socket of idle) socket.destroy();
  await until('room again', async () => {
    const response = await fetch(`${to.http}/metrics`).catch(() => undefined);
    return /synckit_plain_connections 1$/m.test((await response?.text()) ?? '');
  });
});

test('LIM11: sockets of clients leave descriptors for the rest', async (t) => {
  const to = await server(t, { DATABASE_URL: 'memory:', SYNCKIT_MAX_SOCKETS: '5' });
  for (let i = 0; i < 5; i++) await client(t, to);
  t.equal(await handshakes(t, to, 5), 0);
});
