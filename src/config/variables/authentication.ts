/** The variables about who is let in. */
import { duration, flag, integer, secret, size } from '../kinds.js';
import { variable } from '../variable.js';

export const authentication = {
  jwtSecret: variable('JWT_SECRET', secret(32), {
    defaultWords:
      'outside production, and where tokens of an identity provider are accepted, a random secret at each start; otherwise the server does not start in production without it',
    meaning: 'Secret for signing and verifying tokens (HS256).',
    secret: true,
  }),
  jwtPreviousSecret: variable('JWT_SECRET_PREVIOUS', secret(32), {
    defaultWords: 'none',
    meaning:
      'The secret before the present one. Tokens that it has signed stay valid, so that JWT_SECRET can be replaced without anybody noticing; remove it when they have expired.',
    secret: true,
  }),
  tokenLifetimeMs: variable('JWT_EXPIRES_IN', duration(), {
    default: '24h',
    meaning: 'Lifetime of access tokens: those of sign-ins, and those that `synckit-server token` creates.',
  }),
  refreshLifetimeMs: variable('JWT_REFRESH_EXPIRES_IN', duration(), {
    default: '7d',
    meaning: 'Lifetime of refresh tokens: whoever does not come back for so long has to sign in again.',
  }),
  authRequired: variable('SYNCKIT_AUTH_REQUIRED', flag(), {
    defaultWords: 'true in production and wherever JWT_SECRET or keys of an identity provider are set, otherwise false',
    meaning:
      'Whether a connection needs a token. With `false`, every client may read and write every document; an invalid token is refused even then.',
  }),
  allowTokensWithoutExpiry: variable('SYNCKIT_ALLOW_TOKENS_WITHOUT_EXPIRY', flag(), {
    default: 'false',
    meaning:
      'Whether tokens without `exp` are valid, those of an identity provider too. Such a token ends only when it is revoked, or when the key that signed it is replaced.',
  }),
  authTimeoutMs: variable('SYNCKIT_AUTH_TIMEOUT_MS', integer(1, 3_600_000), {
    default: '10000',
    unit: 'ms',
    meaning: 'Time within which a connection must authenticate before it is closed.',
  }),
  maxVerifications: variable('SYNCKIT_MAX_VERIFICATIONS', integer(1, 1_000_000), {
    default: '1000',
    meaning:
      'Most credentials that are checked at a time and can’t be checked at once: tokens with a public key, and those whose account is looked up. Further ones are answered with AUTH_UNAVAILABLE, and clients try again.',
  }),
  maxKnownTokens: variable('SYNCKIT_MAX_KNOWN_TOKENS', integer(0, 10_000_000), {
    default: '10000',
    meaning:
      'Valid tokens of up to 1 024 characters, signed with JWT_SECRET, whose check is remembered: clients that come back with the same token are let in sooner. One takes about 500 bytes beyond those of its connection. Whether it has ended or was revoked is looked at each time. 0 = every token is checked anew.',
  }),
  maxHeldBytes: variable('SYNCKIT_MAX_HELD_BYTES', size(1_024), {
    default: '32MiB',
    unit: 'bytes',
    meaning:
      'Memory for messages that came while the credentials of their connection, or its access to a document, are checked. Further ones are answered with RATE_LIMIT_EXCEEDED.',
  }),
  refreshGraceMs: variable('SYNCKIT_REFRESH_GRACE_MS', integer(0, 600_000), {
    default: '10000',
    unit: 'ms',
    meaning:
      'How long a refresh token that was used may be used again: for two tabs that do it at once, and for answers that got lost. Later than that it ends the sign-in, since somebody may have stolen it.',
  }),
  authPollMs: variable('SYNCKIT_AUTH_POLL_MS', integer(100, 4_000), {
    default: '1000',
    unit: 'ms',
    meaning:
      'How often a node looks for changes of accounts, keys and revocations by others. So long a change takes to count on all nodes.',
  }),
  maxApiKeys: variable('SYNCKIT_MAX_API_KEYS', integer(1, 100_000), {
    default: '10000',
    meaning: 'Most API keys. Every node holds all of them in memory.',
  }),
  maxRevocations: variable('SYNCKIT_MAX_REVOCATIONS', integer(1, 10_000_000), {
    default: '100000',
    meaning:
      'Most revocations of tokens and users that can be in force at a time. Every node holds all of them in memory.',
  }),
  passwordCost: variable('SYNCKIT_PASSWORD_COST', integer(10, 20), {
    default: '15',
    meaning:
      'Cost of a password hash (scrypt) as a power of two: checking a password takes 2^cost KiB of memory. When it is changed, each password is hashed anew at its next sign-in.',
  }),
  passwordParallelism: variable('SYNCKIT_PASSWORD_PARALLELISM', integer(1, 16), {
    default: '3',
    meaning: 'How often the work of a password hash is done, one after the other (p of scrypt).',
  }),
  passwordThreads: variable('SYNCKIT_PASSWORD_THREADS', integer(1, 16), {
    default: '1',
    meaning: 'Threads that hash passwords. They are started when somebody signs in and end when nobody does.',
  }),
  maxPasswordChecks: variable('SYNCKIT_MAX_PASSWORD_CHECKS', integer(1, 10_000), {
    default: '64',
    meaning: 'Most sign-ins that wait for a thread. Further ones are answered with 503.',
  }),
  authDbConnections: variable('SYNCKIT_AUTH_DB_CONNECTIONS', integer(1, 100), {
    default: '2',
    meaning: 'Most Postgres connections of this process for accounts, besides those of DB_POOL_MAX.',
  }),
  demoAuth: variable('SYNCKIT_DEMO_AUTH', flag(), {
    default: 'false',
    meaning:
      'Whether `POST /auth/login` lets everybody in with any password and the permissions that were asked for, as the reference server does. Never as an administrator, and not in production.',
  }),
  auditRefusals: variable('SYNCKIT_AUDIT_REFUSALS_PER_SECOND', integer(1, 10_000), {
    default: '5',
    meaning:
      'Most audit lines a second about refused credentials from one address; twenty times as many from all. Further ones are counted in synckit_audit_refusals_skipped_total, and the next line says how many there were.',
  }),
  auditTable: variable('SYNCKIT_AUDIT_TABLE', flag(), {
    default: 'false',
    meaning:
      'Whether audit lines are also written to the storage: to the table `audit_log` of Postgres, or to the accounts folder.',
  }),
  auditKeepMs: variable('SYNCKIT_AUDIT_KEEP', duration(), {
    default: '90d',
    meaning: 'How long audit lines are kept there.',
  }),
};
