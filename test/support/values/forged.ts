/** Credentials of every kind that must not be accepted, for a server that knows two kinds of issuers. */
import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jwkOf, makeKey, signWith } from '../nodes/identity-provider.js';
import { secret } from '../nodes/fixture.js';

/** One that is refused, with the error and the close code that say why. */
export interface Refused {
  readonly what: string;
  readonly text: string;
  readonly code: 'AUTH_FAILED' | 'TOKEN_EXPIRED' | 'TOKEN_REVOKED' | 'ACCESS_ENDED';
}

export const closeCodeOf = { AUTH_FAILED: 1008, TOKEN_EXPIRED: 1008, TOKEN_REVOKED: 4401, ACCESS_ENDED: 4403 };

const keys = { RS256: makeKey('rs', 'RS256'), ES256: makeKey('es', 'ES256'), EdDSA: makeKey('ed', 'EdDSA') };
const strangers = { RS256: makeKey('rs', 'RS256'), ES256: makeKey('es', 'ES256'), EdDSA: makeKey('ed', 'EdDSA') };
const algorithms = ['RS256', 'ES256', 'EdDSA'] as const;
const issuer = 'https://issuer.example';
const audience = 'synckit';

const now = (): number => Math.floor(Date.now() / 1_000);

/** Claims that would do for an administrator. */
function claims(changes: Record<string, unknown> = {}): Record<string, unknown> {
  const permissions = { canRead: ['*'], canWrite: ['*'], canAdmin: ['*'], isAdmin: true };
  const all: Record<string, unknown> = {
    userId: 'mallory',
    permissions,
    iss: issuer,
    aud: audience,
    iat: now(),
    exp: now() + 3_600,
    ...changes,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function part(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
}

/** A token signed by HMAC, with whatever header and claims. */
export function hmac(
  payload: unknown,
  { key = secret, header = {} }: { readonly key?: string | Buffer; readonly header?: object } = {},
): string {
  const signed = `${part({ alg: 'HS256', typ: 'JWT', ...header })}.${part(payload)}`;
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`;
}

/** A token that the server of `settings` accepts. */
export function genuine(changes: Record<string, unknown> = {}): string {
  return hmac(claims(changes));
}

/** Variables of a server that both issuers may use. @param folder For its file with public keys. */
export function settings(folder: string): NodeJS.ProcessEnv {
  const path = join(folder, 'jwks.json');
  writeFileSync(path, JSON.stringify({ keys: Object.values(keys).map((key) => jwkOf(key, { alg: key.alg })) }));
  return { JWT_SECRET: secret, JWT_JWKS_FILE: path, JWT_ISSUER: issuer, JWT_AUDIENCE: audience };
}

/** Claims that no token may have, whoever has signed it. */
const wrongClaims: readonly (readonly [what: string, changes: Record<string, unknown>, code?: Refused['code']])[] = [
  ['expired', { exp: now() - 60 }, 'TOKEN_EXPIRED'],
  ['expired for long', { exp: 1 }, 'TOKEN_EXPIRED'],
  ['without an end', { exp: undefined }],
  ['an end that is a text', { exp: String(now() + 60) }],
  ['not valid yet', { nbf: now() + 600 }],
  ['not valid before a text', { nbf: 'now' }],
  ['issued in the future', { iat: now() + 600 }],
  ['another audience', { aud: 'another' }],
  ['other audiences', { aud: ['another', `${audience}2`] }],
  ['an audience that is an object', { aud: { [audience]: true } }],
  ['without an audience', { aud: undefined }],
  ['another issuer', { iss: `${issuer}/` }],
  ['issuers as a list', { iss: [issuer] }],
  ['without an issuer', { iss: undefined }],
  ['without a user', { userId: undefined }],
  ['an empty user', { userId: '' }],
  ['a user that is a number', { userId: 1 }],
  ['a user that is too long', { userId: 'u'.repeat(257) }],
  ['permissions that are a number', { permissions: 1 }],
  ['permissions that are null', { permissions: null }],
  ['permissions that are true', { permissions: true }],
  ['scopes with a number', { permissions: ['admin', 1] }],
  ['a list that is a text', { permissions: { canRead: '*', canWrite: [] } }],
  ['a list of objects', { permissions: { canRead: [{ id: '*' }], canWrite: [] } }],
  ['an admin by a text', { permissions: { canRead: [], canWrite: [], isAdmin: 'true' } }],
  ['an admin by a number', { permissions: { canRead: [], canWrite: [], isAdmin: 1 } }],
];

/** All of them, but those that were revoked. */
export async function forgeries(): Promise<Refused[]> {
  const refused: Refused[] = [];
  const add = (what: string, text: string, code: Refused['code'] = 'AUTH_FAILED'): void => {
    refused.push({ what, text, code });
  };
  for (const [what, changes, code] of wrongClaims) {
    add(`HS256: ${what}`, hmac(claims(changes)), code);
    // `exp` would be added where there is none.
    for (const alg of algorithms) {
      add(`${alg}: ${what}`, await signWith(keys[alg], { exp: undefined, ...claims(changes) }), code);
    }
  }
  const good = genuine();
  const [header = '', payload = '', signature = ''] = good.split('.');
  add('another secret', hmac(claims(), { key: secret.toUpperCase() }));
  add('an empty secret', hmac(claims(), { key: '' }));
  add('changed claims', `${header}.${part(claims({ userId: 'ann' }))}.${signature}`);
  add('a signature that was cut', `${header}.${payload}.${signature.slice(0, -4)}`);
  add('without a signature', `${header}.${payload}.`);
  for (const alg of ['none', 'None', 'NONE', 'nOnE', '', null, 0, ['HS256']]) {
    add(`alg ${JSON.stringify(alg)}`, `${part({ alg, typ: 'JWT' })}.${payload}.`);
    add(`alg ${JSON.stringify(alg)}, signed`, hmac(claims(), { header: { alg } }));
  }
  for (const alg of ['HS384', 'HS512', 'RS384', 'PS256', 'ES512'])
    add(`alg ${alg}`, hmac(claims(), { header: { alg } }));
  for (const alg of algorithms) {
    const pem = keys[alg].publicKey.export({ type: 'spki', format: 'pem' });
    const jwk = JSON.stringify(jwkOf(keys[alg]));
    add(`HS256 by the public key of ${alg}`, hmac(claims(), { key: pem, header: { kid: keys[alg].kid } }));
    add(`HS256 by the JWK of ${alg}`, hmac(claims(), { key: jwk, header: { kid: keys[alg].kid } }));
    add(`${alg} by the secret`, hmac(claims(), { header: { alg, kid: keys[alg].kid } }));
    add(`${alg} of another key`, await signWith(strangers[alg], claims()));
    add(`${alg}: unknown kid`, await signWith(keys[alg], claims(), { kid: 'unknown' }));
    add(`${alg}: a kid that is a path`, await signWith(strangers[alg], claims(), { kid: '../../dev/null' }));
    add(`${alg}: its own key`, await signWith(strangers[alg], claims(), { kid: 'x', jwk: jwkOf(strangers[alg]) }));
    add(`${alg}: a key by URL`, await signWith(strangers[alg], claims(), { jku: 'http://127.0.0.1:9/jwks.json' }));
    for (const other of algorithms) {
      if (other === alg) continue;
      const mixed = await signWith(keys[alg], claims(), { kid: keys[other].kid });
      add(`${alg} with the kid of ${other}`, mixed);
    }
    add(`${alg}: claims as a list`, await signWith(keys[alg], [claims()]));
  }
  for (const [what, value] of Object.entries({ list: [claims()], text: 'claims', null: null, number: 1 })) {
    add(`HS256: claims that are a ${what}`, hmac(value));
  }
  add('oversized', genuine({ padding: 'x'.repeat(70_000) }));
  add('oversized, signed with a key', await signWith(keys.RS256, claims({ padding: 'x'.repeat(70_000) })));
  for (const text of [
    'x',
    '.',
    '..',
    'a.b',
    'a.b.c.d',
    '%00',
    'null',
    'undefined',
    'sk_',
    'sk_unknown_secret',
    'rt_x_y',
  ]) {
    add(`nonsense ${text}`, text);
  }
  return refused;
}
