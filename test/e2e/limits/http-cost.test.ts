import { test } from 'tap';
import { client, secret, server, token } from '../../support/nodes/fixture.js';
import { sendRaw } from '../../support/network/raw-http.js';

const metricsToken = 'a token of 16 characters or more';
const authorization = { headers: { Authorization: `Bearer ${metricsToken}` } };

test('in production, strangers are told the status and nothing else', async (t) => {
  const production = { NODE_ENV: 'production', JWT_SECRET: secret, DATABASE_URL: 'memory:' };
  const to = await server(t, { ...production, METRICS_TOKEN: metricsToken });
  const writer = await client(t, to, { token: token('ann', { read: ['*'], write: ['*'] }) });
  await Promise.all([writer.subscribe('a-secret-id'), writer.subscribe('room:a-secret-id')]);
  const get = async (path: string, init = {}) => {
    const response = await fetch(`${to.http}${path}`, init);
    return { status: response.status, text: await response.text() };
  };
  t.same(await get('/health'), { status: 200, text: '{"status":"healthy"}' });
  t.same(await get('/health/ready'), { status: 200, text: '{"status":"ready"}' });
  t.notMatch((await get('/')).text, /version/);
  for (const path of ['/rooms', '/metrics']) {
    const { status, text } = await get(path);
    t.equal(status, 401, path);
    t.notMatch(text, /a-secret-id|synckit_/);
    t.equal((await get(path, { headers: { Authorization: 'Bearer wrong' } })).status, 401, path);
  }
  t.match((await get('/health', authorization)).text, /a-secret-id/);
  t.match((await get('/rooms', authorization)).text, /a-secret-id/);
  t.match((await get('/metrics', authorization)).text, /synckit_connections/);

  const without = await server(t, production);
  t.equal((await fetch(`${without.http}/metrics`)).status, 401, 'without METRICS_TOKEN nobody has it');
  t.ok(without.log.some(({ msg }) => msg.startsWith('METRICS_TOKEN is not set')));
});

test('of a thousand pipelined requests one is answered, whatever the route', async (t) => {
  const to = await server(t, { DATABASE_URL: 'memory:' });
  for (const path of ['/metrics', '/health', '/rooms', '/', '/nothing', '/health/live', '/ws', '/auth/me']) {
    const { statuses } = await sendRaw(to.port, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(1_000));
    t.ok(statuses.length <= 1, `${path}: ${statuses.length}`);
  }
  t.equal((await fetch(`${to.http}/health/live`)).status, 200);
});

test('the routes about accounts are charged and answered as all others', async (t) => {
  const to = await server(t, { DATABASE_URL: 'memory:', SYNCKIT_MAX_HTTP_REQUESTS_PER_SECOND: '1' });
  const login = 'POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}';
  const { statuses } = await sendRaw(to.port, login.repeat(1_000));
  t.ok(statuses.length <= 1, `${statuses.length} answers on one connection`);
  const twoKeys = 'GET /auth/me HTTP/1.1\r\nHost: x\r\nX-API-Key: a\r\nX-API-Key: b\r\n\r\n';
  t.same((await sendRaw(to.port, twoKeys)).statuses, [400], 'which of two keys counts is not clear');
  const answers = Array.from({ length: 20 }, async () => (await fetch(`${to.http}/auth/me`)).status);
  t.ok((await Promise.all(answers)).includes(429));
});
