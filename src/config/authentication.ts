/** The variables about who is let in. */
import { duration, flag, integer, secret, size } from './kinds.js';
import { variable } from './variable.js';

const later = 'Checked, but has no effect in this version';

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
    meaning: 'Lifetime of the tokens that `synckit-server token` creates.',
  }),
  refreshLifetimeMs: variable('JWT_REFRESH_EXPIRES_IN', duration(), {
    default: '7d',
    meaning: `Lifetime of refresh tokens. ${later}.`,
  }),
  authRequired: variable('SYNCKIT_AUTH_REQUIRED', flag(), {
    defaultWords: 'true in production and wherever JWT_SECRET is set, otherwise false',
    meaning:
      'Whether a connection needs a token. With `false`, every client may read and write every document; an invalid token is refused even then.',
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
  maxHeldBytes: variable('SYNCKIT_MAX_HELD_BYTES', size(1_024), {
    default: '32MiB',
    unit: 'bytes',
    meaning:
      'Memory for messages that came while the credentials of their connection, or its access to a document, are checked. Further ones are answered with RATE_LIMIT_EXCEEDED.',
  }),
};
