/** HTTP requests whose clients go before they are answered. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'tap';
import { secret, server, token } from '../../support/nodes/fixture.js';
import { until, type ServerProcess } from '../../support/nodes/server.js';

/** The start of an upload. */
function begin(to: ServerProcess, head = '') {
  const socket = connect(Number(new URL(to.http).port), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(
    `PATCH /documents/d HTTP/1.1\r\nHost: x\r\n${head}Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n{`,
  );
  return socket;
}

const metric = async (to: ServerProcess, sample: string): Promise<number> => {
  const text = await (await fetch(`${to.http}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${sample} `));
  return Number(line?.slice(sample.length));
};

test('LIM uploads that nobody finishes take no places and no memory once their clients have gone', async (t) => {
  const env = { JWT_SECRET: secret, DATABASE_URL: 'memory:' };
  const to = await server(t, env);
  const authorization = `Bearer ${token('ann', { read: ['*'], write: ['*'] })}`;
  for (let round = 0; round < 2; round++) {
    const head = round % 2 === 0 ? '' : `Authorization: ${authorization}\r\n`;
    const sockets = Array.from({ length: 600 }, () => begin(to, head));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    await until('the server to have them', async () => (await metric(to, 'synckit_plain_connections')) > 600);
    for (const socket of sockets) socket.destroy();
    await until('the server to notice', async () => (await metric(to, 'synckit_plain_connections')) < 50);
  }
  const headers = { 'Content-Type': 'application/json', Authorization: authorization };
  const written = await fetch(`${to.http}/documents/d`, { method: 'PATCH', headers, body: '{"a":1}' });
  t.equal(written.status, 204);
  t.equal(await metric(to, 'synckit_http_bytes{place="bodies"}'), 0);
});

test('LIM who is refused takes no memory for the rest of the body, and is told when it has come', async (t) => {
  const env = { JWT_SECRET: secret, DATABASE_URL: 'memory:', SYNCKIT_MAX_HTTP_BODY_BYTES: '128KiB' };
  const to = await server(t, env);
  const stranger = begin(to);
  let answer = '';
  stranger.on('data', (data: Buffer) => (answer += data.toString()));
  await until('the server to have it', async () => (await metric(to, 'synckit_plain_connections')) > 0);
  await until('the bytes to be dropped', async () => (await metric(to, 'synckit_http_bytes{place="bodies"}')) === 0);
  stranger.write('x'.repeat(90_000));
  const headers = {
    'Content-Type': 'application/json',
    Authorization: `Bearer ${token('ann', { read: ['*'], write: ['*'] })}`,
  };
  const body = JSON.stringify({ a: 'x'.repeat(60_000) });
  const written = await fetch(`${to.http}/documents/d`, { method: 'PATCH', headers, body });
  t.equal(written.status, 204);
  stranger.write('x'.repeat(9_999));
  await until('the refusal', () => answer.includes('\r\n\r\n'));
  t.match(answer, /^HTTP\/1.1 401 /);
  stranger.destroy();
});

test('LIM a body in very many parts is cut off, on every route that reads bodies', async (t) => {
  const to = await server(t, { JWT_SECRET: secret, DATABASE_URL: 'memory:', SYNCKIT_MAX_HTTP_BODY_PARTS: '100' });
  const routes = ['PATCH /documents/d', 'POST /auth/login', 'POST /admin/users'];
  for (const route of routes) {
    for (const [size, cut] of [
      ['1', true],
      ['40', false],
    ] as const) {
      const socket = connect(Number(new URL(to.http).port), '127.0.0.1').resume();
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.write(
        `${route} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
      );
      const ended = Promise.race([
        once(socket, 'close').then(() => 'cut'),
        once(socket, 'data').then(() => 'answered'),
      ]);
      socket.write(`${size}\r\n${'x'.repeat(Number.parseInt(size, 16))}\r\n`.repeat(200) + '0\r\n\r\n');
      t.equal(await ended, cut ? 'cut' : 'answered', `${route} in parts of 0x${size} bytes`);
      socket.destroy();
    }
  }
  t.equal(await metric(to, 'synckit_connections_rejected_total{reason="parts"}'), routes.length);
});

test('LIM who takes an answer too slowly is disconnected, and others get theirs', async (t) => {
  const limits = { SYNCKIT_MAX_HTTP_ANSWER_BYTES: '16MiB', SYNCKIT_HTTP_TIMEOUT_MS: '2000' };
  const rate = { SYNCKIT_MIN_HTTP_ANSWER_BYTES_PER_SECOND: '100MiB' };
  const to = await server(t, { JWT_SECRET: secret, DATABASE_URL: 'memory:', ...limits, ...rate });
  const authorization = `Bearer ${token('ann', { read: ['*'], write: ['*'] })}`;
  const headers = { 'Content-Type': 'application/json', Authorization: authorization };
  for (let i = 0; i < 11; i++) {
    const body = JSON.stringify({ [`f${i}`]: 'x'.repeat(1_000_000) });
    t.equal((await fetch(`${to.http}/documents/d`, { method: 'PATCH', headers, body })).status, 204);
  }
  const slow = connect(Number(new URL(to.http).port), '127.0.0.1');
  slow.on('error', () => undefined);
  let received = 0;
  // It reads a little again and again: uWebSockets disconnects only who reads nothing.
  slow.on('data', (data: Buffer) => {
    received += data.length;
    slow.pause();
    setTimeout(() => slow.resume(), 50);
  });
  slow.write(`GET /documents/d HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\n\r\n`);
  const waiting = () => metric(to, 'synckit_http_bytes{place="answers"}');
  await until('the answer to wait', async () => (await waiting()) > 10_000_000);
  t.equal((await fetch(`${to.http}/documents/d`, { headers })).status, 429, 'there is no room for a second one');
  await until('it to be disconnected', () => slow.closed || received >= 11_000_000);
  t.ok(received < 11_000_000, `${received} bytes of the answer`);
  await until('room', async () => (await waiting()) === 0);
  t.equal((await fetch(`${to.http}/documents/d`, { headers })).status, 200);
});
