/** Requests that a proxy may read in another way than this server are refused. */
import { test } from 'tap';
import { server } from '../support/nodes/fixture.js';
import { sendRaw } from '../support/network/raw-http.js';

test('requests that are ambiguous are answered with 400, and their connection is closed', async (t) => {
  const to = await server(t, { DATABASE_URL: 'memory:' });
  const requests = {
    'two lengths': 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd',
    'a length and chunks':
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'two hosts': 'GET /health HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n',
    'no host': 'GET /metrics HTTP/1.1\r\nAccept: */*\r\n\r\n',
    'a method in lower case': 'get /health HTTP/1.1\r\nHost: x\r\n\r\n',
  };
  for (const [what, request] of Object.entries(requests)) {
    const { statuses, text } = await sendRaw(to.port, request);
    t.ok(statuses.length <= 1 && (statuses[0] ?? 400) === 400, `${what}: ${text.slice(0, 40)}`);
  }
  t.equal((await fetch(`${to.http}/health`)).status, 200);
});

test('what is no handshake opens no WebSocket', async (t) => {
  const to = await server(t, { DATABASE_URL: 'memory:' });
  const all = {
    Host: 'x',
    Upgrade: 'websocket',
    Connection: 'keep-alive, Upgrade',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '13',
  };
  const handshake = (changes: Record<string, string | undefined>): string => {
    const headers: Record<string, string | undefined> = { ...all, ...changes };
    const lines = Object.entries(headers).filter(([, value]) => value !== undefined);
    return `GET /ws HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  };
  const bad = [{ Upgrade: undefined }, { Upgrade: 'h2c' }, { Connection: 'close' }, { 'Sec-WebSocket-Version': '8' }];
  for (const changes of bad) {
    const { statuses } = await sendRaw(to.port, handshake(changes));
    t.same(statuses, [400], JSON.stringify(changes));
  }
});
