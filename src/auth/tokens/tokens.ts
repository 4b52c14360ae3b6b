/**
 * Tokens: JWTs signed with HS256 by a secret that the server shares with the issuer. The payload is
 * `{userId | sub, permissions?, iat?, exp?}`, times in seconds since the epoch.
 */
import { createSigner, createVerifier } from 'fast-jwt';
import type { ClaimRules } from '../../config/load.js';
import { defaultRules, hashOf, identityOf } from './claims.js';
import { failed, type Claims, type Verified } from '../identity.js';
import type { Permissions } from '../permissions.js';
import { PermissionSets } from './permission-sets.js';
import { TokenCache } from './token-cache.js';

export { anonymousIdentity, type Identity, type Verified } from '../identity.js';

export interface TokenVerifier {
  /** Checks signature, claims and expiry. Never throws, whatever the text. */
  readonly verify: (token: string) => Verified;
  /** Tokens whose check is remembered. */
  readonly known: () => number;
}

/** Most characters of a token; enough for some thousand document ids. Longer ones are refused without decoding. */
export const maxTokenLength = 65_536;

/**
 * Creates a verifier. It remembers valid tokens by their hash: to find one takes a fifth of the time of a check, which counts
 * when all clients come back at once.
 *
 * @param options.secret At least 32 characters.
 * @param options.previousSecret Tokens signed with it are valid too: while a secret is replaced.
 * @param options.rules What the claims must say; by default an end, and whatever issuer and audience.
 * @param options.maxKnown Tokens that are remembered; none by default.
 * @param options.now The clock, in ms since the epoch; for tests.
 */
export function createTokenVerifier(options: {
  readonly secret: string;
  readonly previousSecret?: string | undefined;
  readonly rules?: ClaimRules;
  readonly maxKnown?: number;
  readonly now?: () => number;
}): TokenVerifier {
  const { secret, previousSecret, rules = defaultRules, maxKnown = 0, now = Date.now } = options;
  const cache = new TokenCache(maxKnown);
  const permissionSets = new PermissionSets();
  const secrets = previousSecret === undefined ? [secret] : [secret, previousSecret];
  // The list of algorithms excludes `none` and keys of another kind. The key is a value, not a callback, which keeps
  // verification synchronous: no later frame of the client can overtake its auth message. Times are checked with the
  // other claims, as for tokens of every kind.
  const verifiers = secrets.map((key) =>
    createVerifier({ key, algorithms: ['HS256'], ignoreExpiration: true, ignoreNotBefore: true }),
  );
  const payloadOf = (token: string): Claims | undefined => {
    for (const verifySignature of verifiers) {
      try {
        const payload: unknown = verifySignature(token);
        return isObject(payload) ? payload : undefined;
      } catch {
        // The other secret may fit.
      }
    }
    return undefined;
  };
  return {
    verify: (token) => {
      if (token.length > maxTokenLength) return failed;
      // The clock of a test may be ahead of the machine's, never behind it.
      const time = Math.max(now(), Date.now());
      const hash = hashOf(token);
      const known = cache.find(hash, time);
      if (known !== undefined) return known;
      const claims = payloadOf(token);
      if (claims === undefined) return failed;
      const verified = ofAccount(identityOf(token, claims, rules, time, permissionSets.read), claims);
      cache.keep(hash, verified, token.length);
      return verified;
    },
    known: () => cache.size,
  };
}

/** The claims by which a token of our own sign-in names its account and its family of refresh tokens. */
export function accountClaims(accountId: string, familyId: string): Claims {
  return { account: accountId, family: familyId };
}

function ofAccount(verified: Verified, { account, family }: Claims): Verified {
  if (!verified.ok || typeof account !== 'string' || typeof family !== 'string') return verified;
  const { identity } = verified;
  if (identity.basis?.kind !== 'token') return verified;
  const basis = { ...identity.basis, kind: 'account', accountId: account, familyId: family } as const;
  return { ok: true, identity: { ...identity, basis } };
}

function isObject(value: unknown): value is Claims {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Signs a token, for the command line, for sign-ins and for tests.
 *
 * @param options.secret At least 32 characters.
 * @param options.expiresInMs Lifetime from `now` on; `exp` is rounded down to the second. Undefined: no expiry.
 * @param options.rules Those of its verifier: the token gets the issuer, audience and names of claims that it wants.
 * @param options.more Further claims.
 * @param options.now Milliseconds since the epoch. Default: the present time.
 * @returns The JWT in its compact form.
 */
export function signToken(options: {
  readonly secret: string;
  readonly userId: string;
  readonly permissions: Permissions;
  readonly expiresInMs?: number;
  readonly rules?: ClaimRules;
  readonly more?: Claims;
  readonly now?: number;
}): string {
  const { secret, userId, permissions, expiresInMs, rules = defaultRules, more = {}, now = Date.now() } = options;
  const [issuer] = rules.issuers;
  const [audience] = rules.audiences;
  return createSigner({ key: secret, algorithm: 'HS256' })({
    [rules.userClaim ?? 'userId']: userId,
    [rules.permissionsClaim]: permissions,
    ...(issuer === undefined ? {} : { iss: issuer }),
    ...(audience === undefined ? {} : { aud: audience }),
    iat: Math.floor(now / 1_000),
    ...more,
    ...(expiresInMs === undefined ? {} : { exp: Math.floor((now + expiresInMs) / 1_000) }),
  });
}
