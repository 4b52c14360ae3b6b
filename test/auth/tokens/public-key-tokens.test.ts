import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createSigner } from 'fast-jwt';
import { CompactSign } from 'jose';
import { test, type Test } from 'tap';
import { defaultRules } from '../../../src/auth/tokens/claims.js';
import type { ClaimRules } from '../../../src/config/load.js';
import type { Verified } from '../../../src/auth/identity.js';
import { readJwks, readPem } from '../../../src/auth/tokens/key-set.js';
import { PublicKeyVerifier, type KeySource } from '../../../src/auth/tokens/public-key-tokens.js';
import { RemoteJwks } from '../../../src/auth/tokens/remote-jwks.js';
import { IdentityProvider, jwkOf, makeKey, signWith, type SigningKey } from '../../support/nodes/identity-provider.js';

const failed = { ok: false, code: 'AUTH_FAILED' };
const unavailable = { ok: false, code: 'AUTH_UNAVAILABLE' };
const keys = [makeKey('rsa', 'RS256'), makeKey('ec', 'ES256'), makeKey('ed', 'EdDSA')];
const [rsa, ec, ed] = keys as [SigningKey, SigningKey, SigningKey];
const seconds = Math.floor(Date.now() / 1_000);
const claims = { sub: 'ann', permissions: { canRead: ['a'] }, exp: seconds + 3_600 };

function verifier(source: KeySource, rules: Partial<ClaimRules> = {}, maxInProgress = 100): PublicKeyVerifier {
  return new PublicKeyVerifier({ sources: [source], rules: { ...defaultRules, ...rules }, maxInProgress });
}

const set = readJwks(JSON.stringify({ keys: keys.map((key) => jwkOf(key)) }));
const fixed = verifier(() => set);

test('a token of each algorithm gives its user and permissions', async (t) => {
  for (const key of keys) {
    t.match(
      await fixed.verify(await signWith(key, claims)),
      { ok: true, identity: { userId: 'ann', permissions: { canRead: ['a'], canWrite: [], isAdmin: false } } },
      key.alg,
    );
  }
  t.match(await fixed.verify(await signWith(rsa, claims, { kid: undefined })), { ok: true }, 'without a key id');
});

test('one key in PEM is enough, whatever key id a token names', async (t) => {
  for (const key of keys) {
    const pem = readPem(key.publicKey.export({ type: 'spki', format: 'pem' }).toString());
    t.match(await verifier(() => pem).verify(await signWith(key, claims, { kid: 'any' })), { ok: true }, key.alg);
    for (const other of keys.filter(({ alg }) => alg !== key.alg)) {
      t.same(await verifier(() => pem).verify(await signWith(other, claims)), failed, `${other.alg} for ${key.alg}`);
    }
  }
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ type: 'spki', format: 'pem' });
  t.throws(() => readPem(small.toString()), /2048/);
  t.throws(() => readPem('nonsense'), /no public key/);
});

test('forged tokens are refused', async (t) => {
  const good = await signWith(rsa, claims);
  const [header = '', payload = '', signature = ''] = good.split('.');
  const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' });
  const stranger = makeKey('rsa', 'RS256');
  const hs = (secret: string | Buffer): string => createSigner({ key: secret, algorithm: 'HS256', kid: 'rsa' })(claims);
  const asPs256 = new CompactSign(Buffer.from(JSON.stringify(claims)));
  const forged: Record<string, string> = {
    none: `${base64({ alg: 'none' })}.${payload}.`,
    'None with a signature': `${base64({ alg: 'None', kid: 'rsa' })}.${payload}.${signature}`,
    'HS256 with the public key as secret': hs(pem.toString()),
    'HS256 with the public key in DER as secret': hs(rsa.publicKey.export({ type: 'spki', format: 'der' })),
    'PS256 with the same key': await asPs256.setProtectedHeader({ alg: 'PS256', kid: 'rsa' }).sign(rsa.privateKey),
    'a stranger’s key with a known key id': await signWith(stranger, claims),
    'a key of another kind than the algorithm': `${base64({ alg: 'ES256', kid: 'rsa' })}.${payload}.${signature}`,
    'another payload': `${header}.${base64({ sub: 'eve' })}.${signature}`,
    'no signature': `${header}.${payload}.`,
    'two parts': `${header}.${payload}`,
    'four parts': `${good}.${signature}`,
    'a key in the header': await signWith(stranger, claims, { kid: undefined, jwk: jwkOf(stranger) }),
    'a critical extension': await signWith(rsa, claims, { crit: ['b64'], b64: true }),
    'a key id that is no text': `${base64({ alg: 'RS256', kid: { a: 1 } })}.${payload}.${signature}`,
    'claims that are a list': await signWith(rsa, []),
    'too long': await signWith(rsa, { ...claims, filler: 'x'.repeat(70_000) }),
    nothing: '',
    nonsense: '.'.repeat(60_000),
  };
  for (const [what, token] of Object.entries(forged)) t.same(await fixed.verify(token), failed, what);
  t.match(await fixed.verify(good), { ok: true });
  t.equal(fixed.inProgress, 0);
});

test('issuer, audience and times count, and clocks may differ by the tolerance', async (t) => {
  const rules = { issuers: ['https://a', 'https://b'], audiences: ['synckit'], toleranceMs: 30_000 };
  const own = verifier(() => set, rules);
  const good = { ...claims, iss: 'https://b', aud: ['other', 'synckit'] };
  const cases: [string, object, unknown][] = [
    ['good', good, { ok: true }],
    ['the audience as a text', { ...good, aud: 'synckit' }, { ok: true }],
    ['another issuer', { ...good, iss: 'https://c' }, failed],
    ['no issuer', { ...good, iss: undefined }, failed],
    ['issuers as a list', { ...good, iss: ['https://a'] }, failed],
    ['another audience', { ...good, aud: 'other' }, failed],
    ['no audience', { ...good, aud: undefined }, failed],
    ['an audience that is no text', { ...good, aud: { synckit: true } }, failed],
    ['expired within the tolerance', { ...good, exp: seconds - 20 }, { ok: true }],
    ['expired', { ...good, exp: seconds - 40 }, { ok: false, code: 'TOKEN_EXPIRED' }],
    ['not yet valid within the tolerance', { ...good, nbf: seconds + 20 }, { ok: true }],
    ['not yet valid', { ...good, nbf: seconds + 40 }, failed],
    ['issued within the tolerance', { ...good, iat: seconds + 20 }, { ok: true }],
    ['issued tomorrow', { ...good, iat: seconds + 86_400 }, failed],
    ['without an end', { ...good, exp: undefined }, failed],
    ['an end that is a text', { ...good, exp: String(seconds + 100) }, failed],
    ['a beginning that is a list', { ...good, nbf: [] }, failed],
    ['expired, and of another issuer', { ...good, iss: 'https://c', exp: 1 }, failed],
  ];
  for (const [what, payload, expected] of cases) t.match(await own.verify(await signWith(ec, payload)), expected, what);
  const endless = verifier(() => set, { ...rules, allowsNoExpiry: true });
  t.match(await endless.verify(await signWith(ec, { ...good, exp: undefined })), { ok: true });
});

test('user and permissions are where the configuration says', async (t) => {
  const read = async (rules: Partial<ClaimRules>, payload: object): Promise<Verified> =>
    verifier(() => set, rules).verify(await signWith(ed, payload));
  const asks = [
    [{ userClaim: 'email' }, { email: 'a@b', sub: 's' }, 'a@b'],
    [{ userClaim: 'user.id' }, { user: { id: 'nested' } }, 'nested'],
    [{ userClaim: 'user.id' }, { 'user.id': 'plain', user: { id: 'nested' } }, 'plain'],
    [{ userClaim: 'https://x.example/user' }, { 'https://x.example/user': 'uri' }, 'uri'],
    [{}, { sub: 's', userId: 'u' }, 'u'],
  ] as const;
  for (const [rules, payload, userId] of asks) t.match(await read(rules, payload), { identity: { userId } });
  for (const payload of [
    {},
    { sub: 'ann' },
    { email: 7 },
    { email: '' },
    { email: 'x'.repeat(257) },
    { email: null },
  ]) {
    t.same(await read({ userClaim: 'email' }, payload), failed, JSON.stringify(payload));
  }
  const scopes = 'openid read:team-1:* read:!team-1:pay write:doc admin:doc';
  const wanted = { canRead: ['team-1:*', '!team-1:pay'], canWrite: ['doc'], canAdmin: ['doc'], isAdmin: false };
  const permissionsClaim = 'scope';
  t.match(await read({ permissionsClaim }, { sub: 'a', scope: scopes }), { identity: { permissions: wanted } });
  t.match(await read({ permissionsClaim }, { sub: 'a', scope: scopes.split(' ') }), {
    identity: { permissions: wanted },
  });
  t.match(await read({ permissionsClaim }, { sub: 'a', scope: 'admin' }), {
    identity: { permissions: { isAdmin: true } },
  });
  t.match(await read({ permissionsClaim }, { sub: 'a', permissions: { isAdmin: true } }), {
    identity: { permissions: { canRead: [], canWrite: [], isAdmin: false } },
  });
  for (const scope of [7, null, true, [7], { canRead: '*' }, { isAdmin: 'yes' }, 'read:!a*b', ['admin', null]]) {
    t.same(await read({ permissionsClaim }, { sub: 'a', scope }), failed, JSON.stringify(scope));
  }
});

/** A provider, and a verifier that fetches its keys; `wait` moves the verifier's clock. */
async function withProvider(t: Test): Promise<{
  readonly provider: IdentityProvider;
  readonly verify: (key: SigningKey) => Promise<Verified>;
  readonly wait: (ms: number) => void;
  readonly results: boolean[];
}> {
  const provider = await new IdentityProvider().start();
  t.teardown(() => provider.stop());
  provider.keys = [jwkOf(rsa)];
  let now = 0;
  const results: boolean[] = [];
  const remote = new RemoteJwks({
    url: provider.url,
    refreshMs: 60_000,
    staleMs: 600_000,
    onFetched: ({ ok }) => results.push(ok),
    now: () => now,
  });
  const own = verifier((kid) => remote.keysFor(kid));
  return {
    provider,
    verify: async (key) => own.verify(await signWith(key, claims)),
    wait: (ms) => (now += ms),
    results,
  };
}

test('keys are fetched once, and again for a key id that is new', async (t) => {
  const { provider, verify } = await withProvider(t);
  const both = await Promise.all([verify(rsa), verify(rsa), verify(rsa)]);
  t.match(both, [{ ok: true }, { ok: true }, { ok: true }]);
  t.equal(provider.requests, 1);
  provider.keys = [jwkOf(ec)];
  t.match(await verify(ec), { ok: true }, 'the provider has replaced its key');
  t.equal(provider.requests, 2);
  t.same(await verify(rsa), failed, 'the former key is gone');
});

test('made-up key ids do not make it ask without end', async (t) => {
  const { provider, verify, wait } = await withProvider(t);
  for (let i = 0; i < 30; i++) t.same(await verify(makeKey(`made-up-${i}`, 'EdDSA')), failed);
  t.equal(provider.requests, 6);
  wait(10_000);
  await verify(makeKey('another', 'EdDSA'));
  await verify(makeKey('one more', 'EdDSA'));
  t.equal(provider.requests, 7);
});

test('a provider that is away is done without for a while', async (t) => {
  const { provider, verify, wait, results } = await withProvider(t);
  t.match(await verify(rsa), { ok: true });
  await provider.stop();
  wait(61_000);
  t.match(await verify(rsa), { ok: true }, 'old keys are good enough');
  wait(598_000);
  t.match(await verify(rsa), { ok: true });
  wait(2_000);
  t.same(await verify(rsa), unavailable, 'too old');
  t.ok(results.length >= 3 && results.slice(1).every((ok) => !ok));
  await provider.start();
  wait(2_000);
  t.match(await verify(rsa), { ok: true }, 'it is back');
});

test('an answer that is no set of keys is none', async (t) => {
  for (const answer of [
    { status: 500, body: '{}' },
    { status: 200, body: 'nonsense' },
    { status: 200, body: '{"keys":[]}' },
    { status: 200, body: JSON.stringify({ keys: [{ kty: 'oct', k: 'c2VjcmV0', kid: 'rsa' }] }) },
    { status: 200, body: JSON.stringify({ keys: [jwkOf(rsa, { use: 'enc' })] }) },
    { status: 200, body: JSON.stringify({ keys: [jwkOf(rsa)], filler: 'x'.repeat(600_000) }) },
  ]) {
    const { provider, verify } = await withProvider(t);
    provider.answer = answer;
    t.same(await verify(rsa), unavailable, answer.body.slice(0, 60));
  }
});

test('more verifications at a time than the limit are refused as unavailable', async (t) => {
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const own = verifier(() => gate.then(() => set), {}, 3);
  const token = await signWith(rsa, claims);
  const waiting = [own.verify(token), own.verify(token), own.verify(token)];
  t.same(await own.verify(token), unavailable);
  t.equal(own.inProgress, 3);
  open();
  t.match(await Promise.all(waiting), [{ ok: true }, { ok: true }, { ok: true }]);
  t.match(await own.verify(token), { ok: true });
  t.same(await own.verify(randomBytes(60).toString('base64url')), failed);
});
