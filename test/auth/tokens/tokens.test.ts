import { generateKeyPairSync, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { createSigner } from 'fast-jwt';
import { test } from 'tap';
import { defaultRules, tokenName } from '../../../src/auth/tokens/claims.js';
import { compilePermissions, noPermissions } from '../../../src/auth/permissions.js';
import { anonymousIdentity, createTokenVerifier, signToken } from '../../../src/auth/tokens/tokens.js';

const secret = randomBytes(32).toString('hex');
const permissions = { canRead: ['a'], canWrite: ['*'], isAdmin: false };
const failed = { ok: false, code: 'AUTH_FAILED' };
const expired = { ok: false, code: 'TOKEN_EXPIRED' };
const hour = 3_600_000;

/** Signs any payload with the right secret. */
function sign(payload: Record<string, unknown>): string {
  const exp = Math.floor(Date.now() / 1_000) + 3_600;
  return createSigner({ key: secret, algorithm: 'HS256' })({ exp, ...payload });
}

function base64(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

test('a signed token gives its user, permissions and end', (t) => {
  const now = Date.now();
  const token = signToken({ secret, userId: 'ann', permissions, expiresInMs: hour, now });
  const expiresAt = Math.floor((now + hour) / 1_000) * 1_000;
  t.match(createTokenVerifier({ secret }).verify(token), {
    ok: true,
    identity: { userId: 'ann', permissions, expiresAt },
  });
  t.end();
});

test('a token without an end is refused, unless that is allowed: then it never expires', (t) => {
  const token = signToken({ secret, userId: 'ann', permissions });
  t.same(createTokenVerifier({ secret }).verify(token), failed);
  const rules = { ...defaultRules, allowsNoExpiry: true };
  const verifier = createTokenVerifier({ secret, rules, now: () => Date.now() + 1e6 * hour });
  t.match(verifier.verify(token), { ok: true, identity: { userId: 'ann', permissions, expiresAt: undefined } });
  t.end();
});

test('a token that was issued in the future is refused', (t) => {
  const { verify } = createTokenVerifier({ secret });
  const seconds = Math.floor(Date.now() / 1_000);
  t.same(verify(sign({ userId: 'ann', iat: seconds + 600 })), failed);
  t.match(verify(sign({ userId: 'ann', iat: seconds + 20 })), { ok: true }, 'clocks differ a little');
  t.end();
});

test('a token without permissions may nothing', (t) => {
  t.match(createTokenVerifier({ secret }).verify(sign({ userId: 'ann' })), {
    ok: true,
    identity: { userId: 'ann', permissions: noPermissions },
  });
  t.end();
});

test('the subject is the user where there is no userId', (t) => {
  const { verify } = createTokenVerifier({ secret });
  t.match(verify(sign({ sub: 'bob' })), { ok: true, identity: { userId: 'bob' } });
  t.match(verify(sign({ sub: 'bob', userId: 'ann' })), { ok: true, identity: { userId: 'ann' } });
  t.end();
});

test('an expired token is told from a bad one', (t) => {
  const { verify } = createTokenVerifier({ secret });
  const past = Date.now() - 2 * hour;
  t.same(verify(signToken({ secret, userId: 'ann', permissions, expiresInMs: hour, now: past })), expired);
  const forged = signToken({ secret: `${secret}.`, userId: 'ann', permissions, expiresInMs: hour, now: past });
  t.same(verify(forged), failed);
  t.end();
});

test('a remembered token expires like any other', (t) => {
  let now = Date.now();
  const { verify, known } = createTokenVerifier({ secret, maxKnown: 10, now: () => now });
  const token = signToken({ secret, userId: 'ann', permissions, expiresInMs: hour });
  t.match(verify(token), { ok: true });
  t.match(verify(token), { ok: true });
  t.equal(known(), 1);
  now += 2 * hour;
  t.same(verify(token), expired);
  t.equal(known(), 0, 'what has ended is forgotten');
  t.end();
});

test('a token has one name, however its signature is spelled', (t) => {
  const { verify } = createTokenVerifier({ secret });
  const token = sign({ userId: 'ann' });
  const name = tokenName(token).id;
  t.match(verify(token), { ok: true, identity: { basis: { tokenId: name } } });
  // The last two bits of 43 characters are beyond the 32 bytes of the signature.
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const last = alphabet.indexOf(token.slice(-1));
  const spelled = token.slice(0, -1) + alphabet.charAt(last ^ 1);
  t.not(spelled, token);
  t.match(verify(spelled), { ok: true, identity: { basis: { tokenId: name } } });
  t.equal(tokenName(spelled).id, name);
  t.not(tokenName(sign({ userId: 'bob' })).id, name);
  t.end();
});

test('the identity of a remembered token is the one that it had', (t) => {
  const { verify } = createTokenVerifier({ secret, maxKnown: 10 });
  for (const payload of [{ sub: 'ann' }, { sub: 'bob', jti: 'one' }, { sub: 'cid', account: 'c', family: 'f' }]) {
    const token = sign(payload);
    const first = verify(token);
    t.match(first, { ok: true, identity: { userId: payload.sub } });
    t.equal(verify(token), first);
  }
  t.end();
});

test('tokens beyond the bound are forgotten, the least recently used first', (t) => {
  const { verify, known } = createTokenVerifier({ secret, maxKnown: 2 });
  const [a, b, c] = ['a', 'b', 'c'].map((userId) => sign({ userId })) as [string, string, string];
  const first = verify(a);
  const second = verify(b);
  t.equal(verify(a), first);
  verify(c);
  t.equal(known(), 2);
  t.equal(verify(a), first);
  t.not(verify(b), second);
  t.end();
});

test('nothing is remembered of a token that is refused or very long, nor where nothing may be', (t) => {
  const { verify, known } = createTokenVerifier({ secret, maxKnown: 10 });
  const token = sign({ userId: 'ann' });
  t.same(verify(`${token.slice(0, -2)}xx`), failed);
  t.same(verify(sign({ userId: 'ann', nbf: Math.floor(Date.now() / 1_000) + 3_600 })), failed);
  t.match(verify(sign({ userId: 'ann', more: 'x'.repeat(2_000) })), { ok: true });
  t.equal(known(), 0);
  const without = createTokenVerifier({ secret });
  t.match(without.verify(token), { ok: true });
  t.equal(without.known(), 0);
  t.end();
});

test('a remembered token expires by the clock of the machine too', async (t) => {
  const { verify } = createTokenVerifier({ secret, maxKnown: 10, now: () => 0 });
  const token = signToken({ secret, userId: 'ann', permissions, expiresInMs: 2_000 });
  t.match(verify(token), { ok: true });
  while (verify(token).ok) await new Promise((resolve) => setTimeout(resolve, 50));
  t.same(verify(token), expired);
});

test('only HS256 with the secret is a signature', (t) => {
  const { verify } = createTokenVerifier({ secret });
  const payload = { userId: 'ann', permissions, exp: Math.floor(Date.now() / 1_000) + 3_600 };
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
  const bad = {
    none: `${base64({ alg: 'none', typ: 'JWT' })}.${base64(payload)}.`,
    'None, signed': `${base64({ alg: 'None' })}.${base64(payload)}.${base64('x')}`,
    'no signature': sign(payload).replace(/[^.]+$/, ''),
    'two parts': sign(payload).replace(/\.[^.]+$/, ''),
    RS256: createSigner({ key: pem, algorithm: 'RS256' })(payload),
    HS512: createSigner({ key: secret, algorithm: 'HS512' })(payload),
    'another secret': createSigner({ key: randomBytes(32).toString('hex'), algorithm: 'HS256' })(payload),
    'another payload': sign(payload).replace(/\.[^.]+\./, `.${base64({ ...payload, userId: 'eve' })}.`),
  };
  for (const [name, token] of Object.entries(bad)) t.same(verify(token), failed, name);
  t.end();
});

test('a token that is not active yet is refused', (t) => {
  const token = sign({ userId: 'ann', nbf: Math.floor((Date.now() + hour) / 1_000) });
  t.same(createTokenVerifier({ secret }).verify(token), failed);
  t.end();
});

test('a well-signed token with a bad payload is refused', (t) => {
  const { verify } = createTokenVerifier({ secret });
  const bad: Record<string, unknown>[] = [
    {},
    { userId: '' },
    { userId: 7 },
    { userId: 'x'.repeat(257) },
    { userId: 'ann', permissions: null },
    { userId: 'ann', permissions: { canRead: '*' } },
    { userId: 'ann', permissions: { canWrite: [null] } },
  ];
  for (const payload of bad) t.same(verify(sign(payload)), failed, JSON.stringify(payload).slice(0, 60));
  t.same(verify(sign({ userId: 'ann', filler: 'x'.repeat(100_000) })), failed, 'too long');
  t.end();
});

test('two secrets are active while one replaces the other', (t) => {
  const next = randomBytes(32).toString('hex');
  const { verify } = createTokenVerifier({ secret: next, previousSecret: secret });
  t.match(verify(signToken({ secret, userId: 'ann', permissions, expiresInMs: hour })), { ok: true });
  t.match(verify(signToken({ secret: next, userId: 'ann', permissions, expiresInMs: hour })), { ok: true });
  const past = Date.now() - 2 * hour;
  t.same(verify(signToken({ secret, userId: 'ann', permissions, expiresInMs: hour, now: past })), expired);
  t.same(verify(signToken({ secret: `${secret}.`, userId: 'ann', permissions, expiresInMs: hour })), failed);
  t.end();
});

test('a signed token has what the rules of its verifier want', (t) => {
  const rules = {
    ...defaultRules,
    issuers: ['https://a', 'https://b'],
    audiences: ['synckit'],
    userClaim: 'user.id',
    permissionsClaim: 'scope',
  };
  const { verify } = createTokenVerifier({ secret, rules });
  t.match(verify(signToken({ secret, userId: 'ann', permissions, rules, expiresInMs: hour })), {
    identity: { userId: 'ann', permissions },
  });
  t.same(verify(signToken({ secret, userId: 'ann', permissions, expiresInMs: hour })), failed);
  t.end();
});

test('no text makes the verifier throw', (t) => {
  const { verify } = createTokenVerifier({ secret });
  const good = sign({ userId: 'ann' });
  const mangled = fc
    .tuple(fc.nat(good.length - 1), fc.string({ unit: 'binary', minLength: 1, maxLength: 3 }))
    .map(([at, with_]) => good.slice(0, at) + with_ + good.slice(at + with_.length));
  const dotted = fc.array(fc.base64String(), { maxLength: 5 }).map((parts) => parts.join('.'));
  const property = fc.property(fc.oneof(fc.string({ unit: 'binary' }), dotted, mangled), (token) => {
    return token === good || !verify(token).ok;
  });
  fc.assert(property, { numRuns: 2_000 });
  t.match(verify(good), { ok: true });
  t.end();
});

test('anonymous users read and write everything and are never admin', (t) => {
  const access = compilePermissions(anonymousIdentity.permissions);
  t.equal(anonymousIdentity.userId, 'anonymous');
  t.equal(anonymousIdentity.expiresAt, undefined);
  t.same([access.mayRead('d'), access.mayWrite('d'), access.mayAdmin('d')], [true, true, false]);
  t.end();
});
