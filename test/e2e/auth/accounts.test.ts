/** Signing in over HTTP, in the shapes of the reference server; and the routes for administrators. */
import tap, { test } from 'tap';
import { ask, cheap, command } from '../../support/nodes/accounts.js';
import { client, folder, secret, server } from '../../support/nodes/fixture.js';

const directory = await folder(tap);
// All refusals are written down: the tests make more in a second than people do.
const sampling = { SYNCKIT_AUDIT_REFUSALS_PER_SECOND: '10000' };
const env = { SYNCKIT_DATA_DIR: directory, JWT_SECRET: secret, SHARDS: '1', ...sampling, ...cheap };
await command(env, ['user', 'add', 'root@example.com', '--admin'], 'root password\n');
const node = await server(tap, env);
const root = await signIn('root@example.com', 'root password');
const asRoot = { authorization: `Bearer ${root['accessToken'] as string}` };

async function signIn(email: string, password: string): Promise<Record<string, unknown>> {
  const { status, body } = await ask(node, 'POST /auth/login', { email, password });
  if (status !== 200) throw new Error(JSON.stringify(body));
  return body;
}

async function addUser(name: string, permissions: object = { canRead: ['*'], canWrite: ['a'] }): Promise<string> {
  const user = { email: `${name}@example.com`, password: `${name}'s password`, permissions };
  const { status, body } = await ask(node, 'POST /admin/users', user, asRoot);
  if (status !== 201) throw new Error(JSON.stringify(body));
  return body['id'] as string;
}

test('login: what is answered to whom', async (t) => {
  const id = await addUser('ann');
  const good = await ask(node, 'POST /auth/login', { email: 'Ann@Example.com ', password: "ann's password" });
  t.equal(good.status, 200);
  t.equal(good.headers.get('content-type'), 'application/json');
  t.equal(good.headers.get('cache-control'), 'no-store');
  t.match(good.body, { userId: id, email: 'ann@example.com', accessToken: /^ey/, refreshToken: /^rt_/ });
  t.same(good.body['permissions'], { canRead: ['*'], canWrite: ['a'], isAdmin: false });
  const bodies: unknown[] = [undefined, 'nonsense', {}, { email: 'ann@example.com' }, { password: 'x' }, []];
  bodies.push({ email: '', password: '' }, { email: 7, password: true }, null, '"text"');
  for (const body of bodies) {
    t.match(
      await ask(node, 'POST /auth/login', body),
      { status: 400, body: { error: 'Email and password required' } },
      JSON.stringify(body),
    );
  }
  const wrong = await ask(node, 'POST /auth/login', { email: 'ann@example.com', password: 'guess' });
  const unknown = await ask(node, 'POST /auth/login', { email: 'eve@example.com', password: 'guess' });
  for (const { status, body } of [wrong, unknown]) t.same([status, body], [401, { error: 'Invalid credentials' }]);
  const greedy = { email: 'ann@example.com', password: "ann's password", permissions: { isAdmin: true } };
  t.match((await ask(node, 'POST /auth/login', greedy)).body, { permissions: { isAdmin: false } });
  t.match(await ask(node, 'GET /auth/login'), { status: 405 });
  t.match(await ask(node, 'POST /auth/nothing', {}), { status: 404 });
  t.match(await ask(node, 'POST /auth/login', 'x'.repeat(100_000)), { status: 413 });
});

test('me and verify', async (t) => {
  const id = await addUser('bob');
  const bob = await signIn('bob@example.com', "bob's password");
  const token = bob['accessToken'] as string;
  const me = await ask(node, 'GET /auth/me', undefined, { authorization: `Bearer ${token}` });
  const permissions = { canRead: ['*'], canWrite: ['a'], isAdmin: false };
  t.same([me.status, me.body], [200, { userId: id, email: 'bob@example.com', permissions }]);
  t.match(await ask(node, 'GET /auth/me'), { status: 401 });
  t.match(await ask(node, 'GET /auth/me', undefined, { authorization: 'Bearer nonsense' }), { status: 401 });
  const verified = await ask(node, 'POST /auth/verify', { token });
  const { exp } = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as { exp: number };
  t.same([verified.status, verified.body], [200, { valid: true, userId: id, expiresAt: exp }]);
  t.same((await ask(node, 'POST /auth/verify', { token: `${token}x` })).body, { valid: false });
  t.match(await ask(node, 'POST /auth/verify', {}), { status: 400, body: { error: 'Token required' } });
  const raw = await client(t, node, { token });
  await raw.acked(raw.set('a', 'f', 1));
  t.match((await raw.refused(raw.set('b', 'f', 1))).details, { code: 'PERMISSION_DENIED' });
});

test('refresh tokens are used once, and logging out ends the sign-in', async (t) => {
  await addUser('cid');
  const cid = await signIn('cid@example.com', "cid's password");
  for (const body of [undefined, {}, { refreshToken: 7 }, { refreshToken: '' }]) {
    t.match(await ask(node, 'POST /auth/refresh', body), { status: 400, body: { error: 'Refresh token required' } });
  }
  const invalid = { status: 401, body: { error: 'Invalid or expired refresh token' } };
  t.match(await ask(node, 'POST /auth/refresh', { refreshToken: 'nonsense' }), invalid);
  t.match(
    await ask(node, 'POST /auth/refresh', { refreshToken: cid['accessToken'] }),
    invalid,
    'another kind of token',
  );
  const next = await ask(node, 'POST /auth/refresh', { refreshToken: cid['refreshToken'] });
  t.equal(next.status, 200);
  t.same(Object.keys(next.body).sort(), ['accessToken', 'refreshToken']);
  t.not(next.body['refreshToken'], cid['refreshToken']);
  const raw = await client(t, node, { token: next.body['accessToken'] as string });
  await raw.subscribe('a');
  t.match(await ask(node, 'POST /auth/logout', { refreshToken: next.body['refreshToken'] }), { status: 200 });
  t.equal((await raw.end()).code, 4401, 'its connection ends');
  t.match(raw.received('error'), [{ details: { code: 'TOKEN_REVOKED' } }]);
  t.match(await ask(node, 'POST /auth/refresh', { refreshToken: next.body['refreshToken'] }), invalid);
  t.same((await ask(node, 'POST /auth/verify', { token: next.body['accessToken'] })).body, { valid: false });
  t.match(await ask(node, 'POST /auth/logout', {}), { status: 400 });
});

test('the use of an old refresh token ends the sign-in', async (t) => {
  const strict = await server(t, { ...env, SYNCKIT_REFRESH_GRACE_MS: '0' });
  await addUser('dan');
  const dan = await signIn('dan@example.com', "dan's password");
  const next = await ask(strict, 'POST /auth/refresh', { refreshToken: dan['refreshToken'] });
  const raw = await client(t, strict, { token: next.body['accessToken'] as string });
  await raw.subscribe('a');
  await new Promise((resolve) => setTimeout(resolve, 5));
  t.match(await ask(strict, 'POST /auth/refresh', { refreshToken: dan['refreshToken'] }), { status: 401 });
  t.match(await ask(strict, 'POST /auth/refresh', { refreshToken: next.body['refreshToken'] }), { status: 401 });
  t.equal((await raw.end()).code, 4401);
  t.match(
    strict.log.filter(({ audit }) => audit === true).map(({ event }) => event),
    ['token_refreshed', 'token_reused', 'access_ended'],
  );
});

test('who guesses has to wait, and the right password does not help then', async (t) => {
  const own = await server(t, { ...env, SYNCKIT_TRUSTED_PROXIES: '127.0.0.1' });
  await addUser('eli');
  const from = (address: string) => ({ 'x-forwarded-for': address });
  const right = { email: 'eli@example.com', password: "eli's password" };
  for (let i = 0; i < 20; i++) t.match(await ask(own, 'POST /auth/login', right, from('10.0.0.9')), { status: 200 });
  const statuses = [];
  for (let i = 0; i < 7; i++) {
    const answer = await ask(own, 'POST /auth/login', { ...right, password: 'guess' }, from('10.0.0.1'));
    statuses.push(answer.status);
    if (answer.status === 429) t.match(answer.headers.get('retry-after'), /^[1-9]\d*$/);
  }
  t.same(statuses, [401, 401, 401, 401, 401, 401, 429]);
  t.match(await ask(own, 'POST /auth/login', right, from('10.0.0.1')), { status: 429 });
  t.match(await ask(own, 'POST /auth/login', right, from('10.0.0.2')), { status: 200 }, 'another address');
  const unknown = [];
  for (let i = 0; i < 7; i++) {
    const guess = { email: 'nobody@example.com', password: 'guess' };
    unknown.push((await ask(own, 'POST /auth/login', guess, from('10.0.0.3'))).status);
  }
  t.same(unknown, statuses, 'an unknown user looks the same');
});

test('only administrators manage users, and each step has its status', async (t) => {
  const id = await addUser('fay');
  const fay = {
    authorization: `Bearer ${(await signIn('fay@example.com', "fay's password"))['accessToken'] as string}`,
  };
  const routes = ['GET /admin/users', 'POST /admin/users', `GET /admin/users/${id}`, `PATCH /admin/users/${id}`];
  routes.push(`DELETE /admin/users/${id}`, 'GET /admin/keys', 'POST /admin/keys', 'DELETE /admin/keys/x');
  routes.push('POST /admin/revocations');
  for (const route of routes) {
    const body = route.startsWith('GET') ? undefined : {};
    t.match(await ask(node, route, body), { status: 401 }, route);
    t.match(await ask(node, route, body, fay), { status: 403 }, route);
    t.match(await ask(node, route, body, { authorization: 'Bearer x' }), { status: 401 }, route);
  }
  t.match(await ask(node, 'POST /admin/users', {}, asRoot), { status: 400 });
  const again = { email: 'fay@example.com', password: 'another password' };
  t.match(await ask(node, 'POST /admin/users', again, asRoot), { status: 409 });
  t.match(await ask(node, 'POST /admin/users', { ...again, email: 'gus@example.com', password: 'short' }, asRoot), {
    status: 400,
    body: { error: /at least 8/ },
  });
  const odd = { ...again, email: 'gus@example.com', permissions: { canRead: ['a*b'] } };
  t.match(await ask(node, 'POST /admin/users', odd, asRoot), { status: 400 });
  t.match(await ask(node, 'GET /admin/users/nobody', undefined, asRoot), { status: 404 });
  t.match(await ask(node, 'PUT /admin/users', {}, asRoot), { status: 405 });
  t.match(await ask(node, 'GET /admin/none', undefined, asRoot), { status: 404 });
  const shown = await ask(node, 'GET /admin/users/fay@example.com', undefined, asRoot);
  t.match(shown, { status: 200, body: { id, email: 'fay@example.com', disabled: false } });
  t.notMatch(JSON.stringify(shown.body), /scrypt|password/i);
  const listed = await ask(node, 'GET /admin/users?limit=1', undefined, asRoot);
  t.match(listed, { status: 200, body: { users: [{ email: /@/ }], next: /@/ } });
  const change = { grant: { read: ['x'], write: ['y'] }, revoke: { write: ['a'] } };
  t.match(await ask(node, `PATCH /admin/users/${id}`, change, asRoot), {
    status: 200,
    body: { permissions: { canRead: ['*', 'x'], canWrite: ['y'] } },
  });
  t.match(await ask(node, `DELETE /admin/users/${id}`, undefined, asRoot), { status: 200 });
  t.match(await ask(node, `DELETE /admin/users/${id}`, undefined, asRoot), { status: 404 });
  t.match(await ask(node, 'GET /auth/me', undefined, fay), { status: 401 }, 'its tokens are worth nothing');
});

test('what concerns a live connection narrows it or ends it', async (t) => {
  const id = await addUser('hal', { canRead: ['team:*', 'other'], canWrite: ['team:*'] });
  const hal = await signIn('hal@example.com', "hal's password");
  const raw = await client(t, node, { token: hal['accessToken'] as string });
  for (const documentId of ['team:1', 'other']) await raw.subscribe(documentId);
  await ask(node, `PATCH /admin/users/${id}`, { revoke: { read: ['other'], write: ['team:*'] } }, asRoot);
  await raw.expect(
    'what is lost',
    ({ details }) => (details as { documentId?: string } | undefined)?.documentId === 'other',
  );
  t.match((await raw.refused(raw.set('team:1', 'f', 1))).details, { code: 'PERMISSION_DENIED' });
  await raw.subscribe('team:1');
  t.match((await raw.refused(raw.send('subscribe', { documentId: 'other' }))).details, { code: 'PERMISSION_DENIED' });
  await ask(node, `PATCH /admin/users/${id}`, { grant: { write: ['team:*'] } }, asRoot);
  await raw.acked(raw.set('team:1', 'f', 2));
  await ask(node, `PATCH /admin/users/${id}`, { disabled: true }, asRoot);
  t.equal((await raw.end()).code, 4403);
  t.match(raw.messages.at(-1), { type: 'error', details: { code: 'ACCESS_ENDED' } });
  const again = await client(t, node, { token: hal['accessToken'] as string });
  t.equal((await again.end()).code, 4403);
  t.match(again.messages, [{ type: 'auth_error', details: { code: 'ACCESS_ENDED' } }]);
  t.match(await ask(node, 'POST /auth/login', { email: 'hal@example.com', password: "hal's password" }), {
    status: 401,
  });
  t.match(await ask(node, 'POST /auth/refresh', { refreshToken: hal['refreshToken'] }), { status: 401 });
  await ask(node, `PATCH /admin/users/${id}`, { disabled: false }, asRoot);
  // Tokens say the second of their issue; those of the second in which the user was disabled do not count.
  const second = Math.floor(Date.now() / 1_000);
  while (Math.floor(Date.now() / 1_000) === second) await new Promise((resolve) => setTimeout(resolve, 20));
  const back = await signIn('hal@example.com', "hal's password");
  await (await client(t, node, { token: back['accessToken'] as string })).subscribe('team:1');
  const changed = await ask(node, `PATCH /admin/users/${id}`, { password: 'a new password' }, asRoot);
  t.equal(changed.status, 200);
  t.same((await ask(node, 'POST /auth/verify', { token: back['accessToken'] })).body, { valid: false });
  await signIn('hal@example.com', 'a new password');
});

test('audit lines say who did what to whom, and no secret', (t) => {
  const lines = node.log.filter(({ audit }) => audit === true);
  const events = new Set(lines.map(({ event }) => event));
  for (const event of ['sign_in', 'sign_in_refused', 'sign_out', 'user_added', 'user_granted', 'user_ungranted']) {
    t.ok(events.has(event), event);
  }
  for (const event of ['user_removed', 'user_changed', 'admin_refused']) {
    t.ok(events.has(event), event);
  }
  for (const event of ['access_ended', 'access_narrowed', 'credentials_refused']) t.ok(events.has(event), event);
  t.match(
    lines.find(({ event }) => event === 'user_added'),
    {
      actor: root['userId'],
      target: /^user-/,
      address: '127.0.0.1',
      requestId: String,
    },
  );
  t.notMatch(JSON.stringify(node.log), /password":"|sk_[0-9a-f]|rt_[0-9a-f]|'s password/);
  t.end();
});
