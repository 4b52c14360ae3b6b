/** Which pages may open a WebSocket. */
import { once } from 'node:events';
import { request } from 'node:http';
import { test, type Test } from 'tap';
import WebSocket from 'ws';
import { secret, server, token } from '../../support/nodes/fixture.js';
import type { ServerProcess } from '../../support/nodes/server.js';

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

/** The status of a request of a page, which names the server as it likes. */
async function ask(to: ServerProcess, what: string, headers: Record<string, string> = {}): Promise<number> {
  const [method = '', path = ''] = what.split(' ');
  const asked = request(`${to.http}${path}`, { method, agent: false, headers });
  asked.end(method === 'PATCH' ? '{"f":1}' : undefined);
  const [response] = (await once(asked, 'response')) as [{ readonly statusCode: number; destroy(): void }];
  response.destroy();
  return response.statusCode;
}

const json = { 'Content-Type': 'application/json' };

test('LIM12: without authentication, documents over HTTP are for pages of this host, and for clients that are no pages', async (t) => {
  const to = await server(t, { DATABASE_URL: 'memory:' });
  const port = String(to.port);
  for (const headers of [
    {},
    { Host: `localhost:${port}` },
    { Host: `[::1]:${port}` },
    { Host: 'app.localhost' },
    { Host: 'devbox:8080' },
    { Origin: 'http://localhost:3000' },
  ]) {
    const what = JSON.stringify(headers);
    t.equal(await ask(to, 'PATCH /documents/d', { ...json, ...headers }), 204, what);
    t.equal(await ask(to, 'GET /documents/d', headers), 200, what);
    t.equal(await ask(to, 'GET /documents/d/events', headers), 200, what);
  }
  const meantHere = { Host: `evil.example:${port}` };
  for (const headers of [
    { Origin: 'https://evil.example' },
    { Origin: 'null' },
    { ...meantHere, Origin: `http://evil.example:${port}` },
    meantHere,
    { Host: '127.0.0.1.evil.example' },
  ]) {
    for (const what of ['PATCH /documents/d', 'GET /documents/d', 'GET /documents/d/text', 'GET /documents/d/events']) {
      t.equal(await ask(to, what, { ...json, ...headers }), 403, `${what} ${JSON.stringify(headers)}`);
    }
  }
});

test('LIM12: whoever shows a credential over HTTP is no page of a stranger', async (t) => {
  const to = await server(t, { DATABASE_URL: 'memory:', JWT_SECRET: secret, CORS_ORIGINS: 'https://app.example' });
  const headers = {
    ...{ ...json, Host: 'sync.example', Origin: 'https://other.example' },
    Authorization: `Bearer ${token('ann', { read: ['d'], write: ['d'] })}`,
  };
  t.equal(await ask(to, 'PATCH /documents/d', headers), 204);
  t.equal(await ask(to, 'GET /documents/d', headers), 200);
});
