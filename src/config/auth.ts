/** The configuration of accounts and credentials, derived from its variables. */
import type { access } from './variables/access.js';
import type { authentication } from './variables/authentication.js';
import { hasIdentityProvider, type identityProvider } from './variables/identity-provider.js';
import type { ValueOf } from './variable.js';

type ValuesOf<Variables> = { readonly [K in keyof Variables]: ValueOf<Variables[K]> };
type AuthValues = ValuesOf<typeof access> & ValuesOf<typeof authentication> & ValuesOf<typeof identityProvider>;

/** What the claims of a token must say. */
export interface ClaimRules {
  /** The issuers whose tokens count; empty: `iss` is not looked at. */
  readonly issuers: readonly string[];
  /** The token must name one of them; empty: `aud` is not looked at. */
  readonly audiences: readonly string[];
  /** By how much the clocks of issuer and server may differ, in ms. */
  readonly toleranceMs: number;
  /** Name of the claim that holds the user, or a path such as `user.id`. Undefined: `userId`, else `sub`. */
  readonly userClaim: string | undefined;
  /** The same for the permissions. Default: `permissions`. */
  readonly permissionsClaim: string;
  /** Whether a token without `exp` is valid. */
  readonly allowsNoExpiry: boolean;
  /** Whether the identity keeps the claims; they may be long. */
  readonly keepClaims: boolean;
}

/** How credentials are checked, and accounts are kept. */
export interface AuthConfig {
  /** Tokens that it has signed are valid too. */
  readonly previousSecret: string | undefined;
  /** Where the keys of an identity provider are; undefined if it has none. */
  readonly publicKeys: PublicKeysConfig | undefined;
  /** What the claims of a token must say. */
  readonly rules: ClaimRules;
  readonly refreshLifetimeMs: number;
  /** How long a used refresh token may be used again. */
  readonly refreshGraceMs: number;
  readonly pollMs: number;
  readonly maxKeys: number;
  readonly maxRevocations: number;
  readonly passwords: {
    readonly cost: { readonly cost: number; readonly parallelism: number };
    readonly threads: number;
    readonly maxWaiting: number;
  };
  /** The application that decides who may do what; undefined if the permissions of tokens count. */
  readonly access: AccessConfig | undefined;
  /** Postgres connections. */
  readonly connections: number;
  /** Whether everybody is let in. */
  readonly demo: boolean;
  /** How long audit lines are kept in the storage, in ms; undefined: they are not. */
  /** Audit lines about refused credentials per second and address. */
  readonly auditRefusalsPerSecond: number;
  readonly auditKeepMs: number | undefined;
}

export interface AccessConfig {
  readonly url: string;
  readonly secret: string;
  readonly timeoutMs: number;
  readonly ttlMs: number;
  readonly whenAway: 'last' | 'deny' | 'token';
  readonly staleMs: number;
  readonly maxCalls: number;
  readonly maxEntries: number;
  readonly recheckMs: number;
  readonly maxRechecksPerSecond: number;
}

export interface PublicKeysConfig {
  readonly jwksUrl: string | undefined;
  readonly jwksFile: string | undefined;
  readonly publicKeyFile: string | undefined;
  readonly jwksRefreshMs: number;
  readonly jwksStaleMs: number;
}

export function authOf(values: AuthValues): AuthConfig {
  const { issuers, audiences, userClaim, permissionsClaim } = values;
  const { jwksUrl, jwksFile, publicKeyFile, jwksRefreshMs, jwksStaleMs } = values;
  const isOpen = hasIdentityProvider(values);
  return {
    previousSecret: values.jwtPreviousSecret,
    publicKeys: isOpen ? { jwksUrl, jwksFile, publicKeyFile, jwksRefreshMs, jwksStaleMs } : undefined,
    rules: {
      issuers,
      audiences,
      toleranceMs: values.clockToleranceMs ?? (isOpen ? 5_000 : 0),
      userClaim,
      permissionsClaim,
      allowsNoExpiry: values.allowTokensWithoutExpiry,
      keepClaims: values.accessUrl !== undefined,
    },
    refreshLifetimeMs: values.refreshLifetimeMs,
    refreshGraceMs: values.refreshGraceMs,
    pollMs: values.authPollMs,
    maxKeys: values.maxApiKeys,
    maxRevocations: values.maxRevocations,
    passwords: {
      cost: { cost: values.passwordCost, parallelism: values.passwordParallelism },
      threads: values.passwordThreads,
      maxWaiting: values.maxPasswordChecks,
    },
    access: accessOf(values),
    connections: values.authDbConnections,
    demo: values.demoAuth,
    auditRefusalsPerSecond: values.auditRefusals,
    auditKeepMs: values.auditTable ? values.auditKeepMs : undefined,
  };
}

function accessOf(values: ValuesOf<typeof access>): AccessConfig | undefined {
  const { accessUrl: url, accessSecret } = values;
  if (url === undefined) return undefined;
  return {
    url,
    secret: accessSecret ?? '',
    timeoutMs: values.accessTimeoutMs,
    ttlMs: values.accessTtlMs,
    whenAway: values.accessWhenAway,
    staleMs: values.accessStaleMs,
    maxCalls: values.accessMaxCalls,
    maxEntries: values.accessMaxAnswers,
    recheckMs: values.accessRecheckMs,
    maxRechecksPerSecond: values.accessRechecksPerSecond,
  };
}
