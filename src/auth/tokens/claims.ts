/** What the claims of a verified token say: who it is for, by whom, until when, and what may be done with it. */
import { hash } from 'node:crypto';
import type { ClaimRules } from '../../config/load.js';
import { expired, failed, type Claims, type Verified } from '../identity.js';
import { noPermissions, permissionsSchema, type Permissions } from '../permissions.js';

export const defaultRules: ClaimRules = Object.freeze({
  issuers: [],
  audiences: [],
  toleranceMs: 0,
  userClaim: undefined,
  permissionsClaim: 'permissions',
  allowsNoExpiry: false,
  keepClaims: false,
});

/** How far in the future a token may have been issued, in ms: it is a mistake of a clock, or of who made the token. */
const maxIssuedAheadMs = 60_000;

/**
 * The identity of a token whose signature is good.
 *
 * @param token The whole token, which names it where it has no `jti`.
 * @param now Milliseconds since the epoch.
 * @param readAll Reads the claim of permissions.
 */
export function identityOf(
  token: string,
  claims: Claims,
  rules: ClaimRules,
  now: number,
  readAll = readPermissions,
): Verified {
  const times = readTimes(claims);
  if (times === undefined) return failed;
  const { expiresAt, notBefore, issuedAt } = times;
  const { toleranceMs } = rules;
  if (expiresAt === undefined && !rules.allowsNoExpiry) return failed;
  if (!isIssuedBy(claims['iss'], rules.issuers) || !isFor(claims['aud'], rules.audiences)) return failed;
  if (notBefore !== undefined && notBefore - toleranceMs > now) return failed;
  if (issuedAt !== undefined && issuedAt - toleranceMs - maxIssuedAheadMs > now) return failed;
  const endsAt = expiresAt === undefined ? undefined : expiresAt + toleranceMs;
  if (endsAt !== undefined && endsAt <= now) return expired;
  const userId = userOf(claims, rules);
  const permissions = readAll(claimAt(claims, rules.permissionsClaim));
  if (userId === undefined || permissions === undefined) return failed;
  const basis = { kind: 'token', tokenId: tokenIdOf(token, claims), issuedAt } as const;
  // There are as many as connections; the parts of an object that is put together later take more memory.
  const identity =
    endsAt === undefined ? { userId, permissions, basis } : { userId, permissions, basis, expiresAt: endsAt };
  return { ok: true, identity: rules.keepClaims ? { ...identity, claims } : identity };
}

/** The name of a token that may be anything, and when it ends, in ms since the epoch; for its revocation. */
export function tokenName(token: string): { readonly id: string; readonly expiresAt: number | undefined } {
  let claims: Claims = {};
  try {
    const payload: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    if (typeof payload === 'object' && payload !== null) claims = payload as Claims;
  } catch {
    // Its hash names it all the same.
  }
  const { exp } = claims;
  // The tolerance of clocks is at most so long.
  const expiresAt = typeof exp === 'number' && Number.isFinite(exp) ? exp * 1_000 + maxToleranceMs : undefined;
  return { id: tokenIdOf(token, claims), expiresAt };
}

const maxToleranceMs = 600_000;

/**
 * Names a token: by its `jti`, or by the hash of what is signed. The signature does not count: it can be spelled in
 * several ways, and for some algorithms anybody can make a second one of a first, so a revoked token would have others.
 */
export function tokenIdOf(token: string, claims: Claims): string {
  const { jti } = claims;
  if (typeof jti === 'string' && jti !== '' && jti.length <= 256) return jti;
  return hashOf(token.slice(0, token.lastIndexOf('.')));
}

/** SHA-256 in base64url. */
export function hashOf(text: string): string {
  return hash('sha256', text, 'base64url');
}

/**
 * Permissions as a claim has them: an object of lists, or scopes (`read:doc write:team-1:* admin`) as a list or as one
 * text. Other scopes are ignored.
 *
 * @returns Undefined for a claim of another shape. No claim is no permissions.
 */
export function readPermissions(claim: unknown): Permissions | undefined {
  if (claim === undefined) return noPermissions;
  if (typeof claim === 'string') return fromScopes(claim.split(' '));
  if (Array.isArray(claim)) {
    const scopes = claim.filter((item): item is string => typeof item === 'string');
    return scopes.length === claim.length ? fromScopes(scopes) : undefined;
  }
  return permissionsSchema.safeParse(claim).data;
}

function fromScopes(scopes: readonly string[]): Permissions | undefined {
  const after = (prefix: string): string[] =>
    scopes.filter((scope) => scope.startsWith(prefix)).map((scope) => scope.slice(prefix.length));
  return permissionsSchema.safeParse({
    canRead: after('read:'),
    canWrite: after('write:'),
    canAdmin: after('admin:'),
    isAdmin: scopes.includes('admin'),
  }).data;
}

/** A claim by its name, or, when there is none, by a path whose steps are separated by dots. */
export function claimAt(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let at: unknown = claims;
  for (const step of name.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined;
    at = (at as Claims)[step];
  }
  return at;
}

/** A claim of the wrong type is an error, not a missing claim. */
function userOf(claims: Claims, { userClaim }: ClaimRules): string | undefined {
  if (userClaim !== undefined) {
    const user = claimAt(claims, userClaim);
    return isUserId(user) ? user : undefined;
  }
  const named = [claims['userId'], claims['sub']].filter((claim) => claim !== undefined);
  return named.every(isUserId) ? named[0] : undefined;
}

function isUserId(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 256;
}

/** In ms since the epoch; undefined when a time is no number. */
function readTimes(
  claims: Claims,
): { readonly [K in 'expiresAt' | 'notBefore' | 'issuedAt']: number | undefined } | undefined {
  const times = [claims['exp'], claims['nbf'], claims['iat']];
  if (!times.every((time) => time === undefined || (typeof time === 'number' && Number.isFinite(time))))
    return undefined;
  const [expiresAt, notBefore, issuedAt] = times.map((time) => (time === undefined ? undefined : Number(time) * 1_000));
  return { expiresAt, notBefore, issuedAt };
}

function isIssuedBy(issuer: unknown, issuers: readonly string[]): boolean {
  return issuers.length === 0 || (typeof issuer === 'string' && issuers.includes(issuer));
}

function isFor(audience: unknown, audiences: readonly string[]): boolean {
  if (audiences.length === 0) return true;
  const named: unknown[] = Array.isArray(audience) ? audience : [audience];
  return named.some((name) => typeof name === 'string' && audiences.includes(name));
}
