/** The HTTP routes: what they answer to credentials that do not count, and to each role. */
import tap, { test } from 'tap';
import { ask } from '../../support/nodes/accounts.js';
import type { Refused } from '../../support/values/forged.js';
import { forgedServer, metricsToken, type Role } from '../../support/nodes/forged-server.js';

const { node, roles, refused } = await forgedServer(tap, { NODE_ENV: 'production' });

interface Route {
  readonly request: string;
  readonly body?: object;
  /** The status for whoever may. */
  readonly allowed: number;
  /** Who may, besides the operator: everybody who is known, or administrators. */
  readonly who: 'known' | 'admin';
}

const rights = { canRead: [], canWrite: [], isAdmin: false };
const routes: readonly Route[] = [
  { request: 'GET /auth/me', allowed: 200, who: 'known' },
  { request: 'GET /admin/users', allowed: 200, who: 'admin' },
  { request: 'GET /admin/users/nobody', allowed: 404, who: 'admin' },
  { request: 'POST /admin/users', body: { email: 'nobody', password: 'a good password' }, allowed: 400, who: 'admin' },
  { request: 'PATCH /admin/users/nobody', body: { grant: { isAdmin: true } }, allowed: 404, who: 'admin' },
  { request: 'DELETE /admin/users/nobody', allowed: 404, who: 'admin' },
  { request: 'GET /admin/keys', allowed: 200, who: 'admin' },
  { request: 'POST /admin/keys', body: { name: '', permissions: rights }, allowed: 400, who: 'admin' },
  { request: 'DELETE /admin/keys/unknown', allowed: 404, who: 'admin' },
  { request: 'POST /admin/revocations', body: { tokenId: 'nobody’s' }, allowed: 201, who: 'admin' },
  { request: 'GET /admin/unknown', allowed: 404, who: 'admin' },
  { request: 'PUT /admin/users', allowed: 405, who: 'admin' },
];
/** For whoever shows METRICS_TOKEN. */
const ofOperators = ['GET /metrics', 'GET /rooms'];

async function statusOf(request: string, headers: Record<string, string>, body?: object): Promise<number> {
  const [method = '', path = ''] = request.split(' ');
  const content = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await fetch(`${node.http}${path}`, { method, headers, ...content });
  await response.arrayBuffer();
  return response.status;
}

/** uWebSockets may refuse a head that is too long before it is looked at. */
function isRefusal({ text }: Refused, status: number): boolean {
  return status === 401 || (text.length > 60_000 && status === 431);
}

test('no credential that does not count opens any route', async (t) => {
  for (const given of refused) {
    const shown = [{ authorization: `Bearer ${given.text}` }, { 'x-api-key': given.text }];
    for (const headers of shown) {
      for (const { request, body } of routes) {
        t.ok(isRefusal(given, await statusOf(request, headers, body)), `${given.what}: ${request}`);
      }
      for (const request of ofOperators) {
        t.ok(isRefusal(given, await statusOf(request, headers)), `${given.what}: ${request}`);
      }
    }
    const authorization = `Bearer ${given.text}`;
    if ((await statusOf('GET /health', { authorization })) === 431) continue;
    const health = await ask(node, 'GET /health', undefined, { authorization });
    t.same(health.body, { status: 'healthy' }, `${given.what}: /health tells no more than to everybody`);
  }
});

test('the routes that take a token in the body refuse them too', async (t) => {
  for (const { what, text } of refused) {
    const tooLarge = text.length > 60_000;
    const verified = await ask(node, 'POST /auth/verify', { token: text });
    t.same([verified.status, verified.body['valid']], tooLarge ? [413, undefined] : [200, false], `${what}: verify`);
    if (text.startsWith('rt_') && !what.includes('nonsense')) continue;
    const refreshed = await ask(node, 'POST /auth/refresh', { refreshToken: text });
    t.ok([401, 400, 413].includes(refreshed.status), `${what}: refresh is ${refreshed.status}`);
    t.notOk(refreshed.body['accessToken']);
  }
});

test('a refresh token of a disabled account gives nothing', async (t) => {
  const { text } = refused.find(({ what }) => what === 'a refresh token')!;
  t.equal((await ask(node, 'POST /auth/refresh', { refreshToken: text })).status, 401);
  const login = { email: 'disabled@example.com', password: 'a good password' };
  t.equal((await ask(node, 'POST /auth/login', login)).status, 401);
});

test('each role gets what it may from each route', async (t) => {
  const shown: Record<Role | 'anonymous' | 'operator', Record<string, string>> = {
    anonymous: {},
    operator: { authorization: `Bearer ${metricsToken}` },
    reader: { authorization: `Bearer ${roles.reader}` },
    writer: { authorization: `Bearer ${roles.writer}` },
    both: { authorization: `Bearer ${roles.both}` },
    denied: { authorization: `Bearer ${roles.denied}` },
    admin: { authorization: `Bearer ${roles.admin}` },
  };
  for (const [role, headers] of Object.entries(shown)) {
    const isKnown = role in roles;
    for (const { request, body, allowed, who } of routes) {
      const expected = !isKnown ? 401 : who === 'known' || role === 'admin' ? allowed : 403;
      t.equal(await statusOf(request, headers, body), expected, `${role}: ${request}`);
    }
    for (const request of ofOperators) {
      t.equal(await statusOf(request, headers), role === 'operator' ? 200 : 401, `${role}: ${request}`);
    }
  }
});

test('odd bodies are refused, whoever sends them', async (t) => {
  const headers = { authorization: `Bearer ${roles.admin}` };
  const odd: [string, unknown][] = [
    ['POST /admin/users', { email: 'a@b', password: 'a good password', permissions: { canRead: '*', canWrite: [] } }],
    ['POST /admin/users', { email: 'a@b', password: 'a good password', permissions: null }],
    ['POST /admin/users', { email: 'a@b', password: 'a good password', isAdmin: true }],
    ['POST /admin/users', '{"email":"a@b","password":"a good password","__proto__":{"isAdmin":true}}'],
    ['POST /admin/keys', { name: 'key', permissions: { canRead: ['*'], canWrite: [], isAdmin: 'true' } }],
    ['POST /admin/keys', { name: 'key', permissions: ['admin'] }],
    ['POST /admin/revocations', {}],
    ['POST /admin/revocations', { userId: '' }],
    ['POST /admin/revocations', 'no JSON'],
    ['POST /auth/login', { email: ['a@b'], password: 'x' }],
    ['POST /auth/verify', { token: {} }],
    ['POST /auth/verify', []],
  ];
  for (const [request, body] of odd) {
    t.equal((await ask(node, request, body, headers)).status, 400, `${request} ${JSON.stringify(body)}`);
  }
});
