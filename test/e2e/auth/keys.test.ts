/** API keys, tokens as subprotocols, and revocations of tokens. */
import tap, { test } from 'tap';
import { signToken } from '../../../src/auth/tokens/tokens.js';
import { ask, cheap } from '../../support/nodes/accounts.js';
import { client, folder, secret, server, token as tokenOf } from '../../support/nodes/fixture.js';

const env = { SYNCKIT_DATA_DIR: await folder(tap), JWT_SECRET: secret, SHARDS: '1', ...cheap };
const node = await server(tap, env);
const root = { accessToken: tokenOf('root', { admin: true }) };
const asRoot = { authorization: `Bearer ${root.accessToken}` };

test('API keys: over HTTP, in an auth message, as a header and as a subprotocol', async (t) => {
  const permissions = { canRead: ['doc'], canWrite: [], isAdmin: false };
  const made = await ask(node, 'POST /admin/keys', { name: 'ci', permissions }, asRoot);
  t.match(made, { status: 201, body: { id: String, name: 'ci', apiKey: /^sk_/, revokedAt: null } });
  const apiKey = made.body['apiKey'] as string;
  const userId = `key:${made.body['id'] as string}`;
  t.match(await ask(node, 'GET /auth/me', undefined, { 'x-api-key': apiKey }), {
    status: 200,
    body: { userId, permissions },
  });
  t.match(await ask(node, 'GET /auth/me', undefined, { 'x-api-key': `${apiKey}0` }), { status: 401 });
  t.match(await ask(node, 'GET /admin/users', undefined, { 'x-api-key': apiKey }), { status: 403 });

  const byMessage = await client(t, node);
  byMessage.send('auth', { apiKey });
  await byMessage.expect('auth_success', (m) => m.type === 'auth_success' && m['userId'] === userId);
  const byHeader = await client(t, node, { headers: { 'x-api-key': apiKey } });
  const byProtocol = await client(t, node, { protocols: ['synckit', apiKey] });
  t.equal(byProtocol.socket.protocol, 'synckit');
  for (const raw of [byMessage, byHeader, byProtocol]) {
    await raw.subscribe('doc');
    t.match((await raw.refused(raw.set('doc', 'f', 1))).details, { code: 'PERMISSION_DENIED' });
  }
  const wrong = await client(t, node);
  wrong.send('auth', { apiKey: apiKey.slice(0, -1) });
  t.equal((await wrong.end()).code, 1008);
  const listed = await ask(node, 'GET /admin/keys', undefined, asRoot);
  t.notMatch(JSON.stringify(listed.body), new RegExp(apiKey.split('_')[2]!));
  t.match(await ask(node, `DELETE /admin/keys/${made.body['id'] as string}`, undefined, asRoot), { status: 200 });
  for (const raw of [byMessage, byHeader, byProtocol]) t.equal((await raw.end()).code, 4403);
  t.match(await ask(node, 'GET /auth/me', undefined, { 'x-api-key': apiKey }), { status: 401 });
  const ends = new Date(Date.now() - 1_000).toISOString();
  const old = await ask(node, 'POST /admin/keys', { name: 'old', permissions, expiresAt: ends }, asRoot);
  t.match(await ask(node, 'GET /auth/me', undefined, { 'x-api-key': old.body['apiKey'] as string }), { status: 401 });
});

test('a token as a subprotocol, in either order, is never echoed', async (t) => {
  const token = root.accessToken;
  for (const protocols of [
    ['synckit', token],
    [token, 'synckit'],
  ]) {
    const raw = await client(t, node, { protocols });
    t.equal(raw.socket.protocol, 'synckit');
    await raw.subscribe('doc');
  }
});

test('a token can be revoked by itself, and all of a user', async (t) => {
  const permissions = { canRead: ['*'], canWrite: ['*'], isAdmin: false };
  const make = (userId: string, more = {}) => signToken({ secret, userId, permissions, expiresInMs: 600_000, more });
  const [one, named, ofUser] = [make('ivy'), make('ivy', { jti: 'n-1' }), make('jon')];
  const clients = await Promise.all([one, named, ofUser].map((token) => client(t, node, { token })));
  for (const raw of clients) await raw.subscribe('doc');
  for (const body of [{ token: one }, { tokenId: 'n-1' }, { userId: 'jon' }]) {
    t.match(await ask(node, 'POST /admin/revocations', body, asRoot), { status: 201 });
  }
  for (const raw of clients) t.equal((await raw.end()).code, 4401);
  const again = await client(t, node, { token: one });
  t.equal((await again.end()).code, 4401);
  await (await client(t, node, { token: make('ivy', { jti: 'n-2' }) })).subscribe('doc');
});

test('CORS: a page of a known origin may sign in with credentials', async (t) => {
  const own = await server(t, { ...env, CORS_ORIGINS: 'https://app.example' });
  const headers = { origin: 'https://app.example', 'access-control-request-method': 'POST' };
  const preflight = await ask(own, 'OPTIONS /auth/login', undefined, headers);
  t.equal(preflight.status, 204);
  t.equal(preflight.headers.get('access-control-allow-origin'), 'https://app.example');
  t.equal(preflight.headers.get('access-control-allow-credentials'), 'true');
  t.match(preflight.headers.get('access-control-allow-methods'), /POST/);
});
