/** Which pages may open a WebSocket. */
import { test, type Test } from 'tap';
import WebSocket from 'ws';
import { secret, server } from '../support/fixture.js';
import type { ServerProcess } from '../support/server.js';

/** The status of a handshake from a page; 101 when it is accepted. */
async function statusFor(t: Test, to: ServerProcess, origin?: string, host?: string): Promise<number> {
  const headers = {
    ...(origin === undefined ? {} : { Origin: origin }),
    ...(host === undefined ? {} : { Host: host }),
  };
  const socket = new WebSocket(to.url, { headers });
  t.teardown(() => socket.terminate());
  return new Promise((resolve) => {
    socket.once('open', () => resolve(101));
    socket.once('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
    socket.on('error', () => undefined);
  });
}

test('LIM12: without authentication only pages of this host may connect, and clients that are no pages', async (t) => {
  const to = await server(t, { DATABASE_URL: 'memory:' });
  for (const origin of [
    undefined,
    'http://localhost:3000',
    'http://127.0.0.1',
    'https://[::1]:8443',
    'http://app.localhost',
  ]) {
    t.equal(await statusFor(t, to, origin), 101, String(origin));
  }
  for (const origin of [
    'https://evil.example',
    'null',
    'http://localhost.evil.example',
    'http://127.0.0.1.evil.example',
  ]) {
    t.equal(await statusFor(t, to, origin), 403, origin);
    const { headers } = await fetch(`${to.http}/rooms`, { headers: { Origin: origin } });
    t.equal(headers.get('access-control-allow-origin'), null, origin);
  }
  t.equal(
    await statusFor(t, to, 'http://evil.example:8080', 'evil.example:8080'),
    403,
    'a name that was made to mean this host',
  );
  t.ok(to.log.some(({ msg, origin }) => msg.startsWith('a page is refused') && origin === 'https://evil.example'));
  t.match(await (await fetch(`${to.http}/metrics`)).text(), /rejected_total\{reason="origin"\} 5/);
});

test('LIM12: CORS_ORIGINS decides who may connect, also by its name in the reference', async (t) => {
  for (const name of ['CORS_ORIGINS', 'CORS_ORIGIN']) {
    const to = await server(t, {
      DATABASE_URL: 'memory:',
      JWT_SECRET: secret,
      [name]: 'https://app.example,https://b.example',
    });
    t.equal(await statusFor(t, to, 'https://b.example'), 101);
    t.equal(await statusFor(t, to, 'https://evil.example'), 403);
    t.equal(await statusFor(t, to, 'http://localhost:3000'), 403);
    t.equal(await statusFor(t, to, 'https://sync.example', 'sync.example'), 101, 'a page from the same host');
    t.equal(await statusFor(t, to), 101);
  }
  const open = await server(t, { DATABASE_URL: 'memory:', SYNCKIT_AUTH_REQUIRED: 'false' });
  t.equal(await statusFor(t, open, 'https://any.example'), 101, 'said on purpose');
});
