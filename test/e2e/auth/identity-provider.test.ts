/** Tokens of an identity provider: a server that fetches its keys, and clients that do not notice. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { client, folder, secret, server } from '../../support/nodes/fixture.js';
import { IdentityProvider, jwkOf, makeKey, signWith } from '../../support/nodes/identity-provider.js';
import { startServer } from '../../support/nodes/server.js';

const claims = { email: 'ann@example.com', scope: 'read:team-1:* write:team-1:*', aud: 'synckit' };
const mapping = { JWT_USER_CLAIM: 'email', JWT_PERMISSIONS_CLAIM: 'scope', JWT_AUDIENCE: 'synckit' };

test('what a client sends after its token waits for the check and is handled in order', async (t) => {
  const provider = await new IdentityProvider().start();
  t.teardown(() => provider.stop());
  const key = makeKey('k1', 'ES256');
  provider.keys = [jwkOf(key)];
  const node = await server(t, { JWT_JWKS_URL: provider.url, DATABASE_URL: 'memory:', ...mapping });

  const token = await signWith(key, claims);
  for (const encoding of ['binary', 'json'] as const) {
    const raw = await client(t, node, { encoding });
    raw.send('auth', { token });
    const ids = [1, 2, 3].map((value) => raw.set('team-1:plan', 'f', value));
    raw.send('subscribe', { documentId: 'team-2:plan' });
    const asked = raw.send('subscribe', { documentId: 'team-1:plan' });
    for (const id of ids) await raw.acked(id);
    const state = await raw.expect('the state', (m) => m['requestId'] === asked);
    t.same(state['state'], { f: 3 });
    t.match(raw.messages[0], { type: 'auth_success', userId: 'ann@example.com' });
    t.match(raw.received('error'), [{ details: { code: 'PERMISSION_DENIED', documentId: 'team-2:plan' } }]);
  }

  const inQuery = await client(t, node, { token });
  await inQuery.acked(inQuery.set('team-1:plan', 'f', 4));

  const next = makeKey('k2', 'RS256');
  provider.keys = [jwkOf(next)];
  const renewed = await client(t, node, { token: await signWith(next, claims) });
  await renewed.subscribe('team-1:plan');
  await provider.stop();
  const later = await client(t, node, { token: await signWith(next, claims) });
  await later.subscribe('team-1:plan');
  const forged = await client(t, node, { token: await signWith(makeKey('k2', 'RS256'), claims) });
  t.equal((await forged.end()).code, 1008);
  t.match(forged.messages, [{ type: 'auth_error', details: { code: 'AUTH_FAILED' } }]);
});

test('a provider that never answered makes clients come again later', async (t) => {
  const provider = await new IdentityProvider().start();
  const { url } = provider;
  await provider.stop();
  const node = await server(t, { JWT_JWKS_URL: url, JWT_SECRET: secret, DATABASE_URL: 'memory:' });
  const raw = await client(t, node, { token: await signWith(makeKey('k', 'EdDSA'), claims) });
  t.equal((await raw.end()).code, 1013);
  t.match(raw.messages, [{ type: 'auth_error', details: { code: 'AUTH_UNAVAILABLE' } }]);
});

test('keys come from files too, and a file that has none ends the start with a sentence', async (t) => {
  const directory = await folder(t);
  const [ec, rsa] = [makeKey('ec', 'ES256'), makeKey('rsa', 'RS256')];
  const pem = join(directory, 'key.pem');
  const jwks = join(directory, 'jwks.json');
  await writeFile(pem, rsa.publicKey.export({ type: 'spki', format: 'pem' }));
  await writeFile(jwks, JSON.stringify({ keys: [jwkOf(ec)] }));
  const node = await server(t, { JWT_PUBLIC_KEY_FILE: pem, JWT_JWKS_FILE: jwks, DATABASE_URL: 'memory:', ...mapping });
  for (const key of [ec, rsa]) {
    const raw = await client(t, node, { token: await signWith(key, claims) });
    await raw.subscribe('team-1:plan');
  }
  await t.rejects(
    startServer({ JWT_JWKS_FILE: pem, DATABASE_URL: 'memory:' }),
    /JWT_JWKS_FILE can't be used: it is no JSON/,
  );
  await t.rejects(startServer({ JWT_PUBLIC_KEY_FILE: '/nowhere', DATABASE_URL: 'memory:' }), /JWT_PUBLIC_KEY_FILE/);
});
