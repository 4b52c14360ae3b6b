/** Tokens: JWTs signed with HS256 by a secret that the server shares with whoever makes them. */
import { createSigner, createVerifier, TokenError } from 'fast-jwt';
import { z } from 'zod';
import { noPermissions, permissionsSchema, type Permissions } from './permissions.js';

/** Who a connection speaks for. */
export interface Identity {
  readonly userId: string;
  readonly permissions: Permissions;
  /** Milliseconds since the epoch; a token without it never expires. */
  readonly expiresAt?: number;
}

export type Verified =
  | { readonly ok: true; readonly identity: Identity }
  | { readonly ok: false; readonly code: 'AUTH_FAILED' | 'TOKEN_EXPIRED' };

export interface TokenVerifier {
  /** Never throws, whatever it is given. */
  readonly verify: (token: string) => Verified;
}

/** Who everybody is where authentication is not required: reads and writes everything, is never admin. */
export const anonymousIdentity: Identity = Object.freeze({
  userId: 'anonymous',
  permissions: Object.freeze({ canRead: Object.freeze(['*']), canWrite: Object.freeze(['*']), isAdmin: false }),
});

/** Beyond it, a token is not even decoded. Room for some thousand document ids. Characters. */
const longestToken = 65_536;

/** `sub` is where other issuers put the user. A part of the wrong type is an error, not an absent part. */
const claims = z
  .object({
    userId: z.string().min(1).max(256).optional(),
    sub: z.string().min(1).max(256).optional(),
    permissions: permissionsSchema.default(noPermissions),
    exp: z.number().optional(),
  })
  .transform((payload, context) => {
    const userId = payload.userId ?? payload.sub;
    if (userId === undefined) context.addIssue({ code: 'custom', message: 'no user' });
    return { userId: userId ?? '', permissions: payload.permissions, exp: payload.exp };
  });

const failed: Verified = Object.freeze({ ok: false, code: 'AUTH_FAILED' });
const expired: Verified = Object.freeze({ ok: false, code: 'TOKEN_EXPIRED' });

/**
 * Makes a verifier. It remembers no tokens: a signature takes 6 µs, finding it among those seen before 3, and remembering
 * ten thousand of them takes megabytes.
 *
 * @param options.secret At least 32 characters.
 * @param options.now The clock, in milliseconds since the epoch; for tests.
 */
export function createTokenVerifier(options: { readonly secret: string; readonly now?: () => number }): TokenVerifier {
  const { secret, now = Date.now } = options;
  // The list of algorithms is what keeps out `none` and keys of another kind. The key is given at once, not through a
  // callback, which keeps verifying synchronous: no frame can overtake the auth message it follows.
  const verifySignature = createVerifier({ key: secret, algorithms: ['HS256'] });
  return {
    verify: (token) => {
      if (token.length > longestToken) return failed;
      let payload: unknown;
      try {
        payload = verifySignature(token);
      } catch (error) {
        return error instanceof TokenError && error.code === TokenError.codes.expired ? expired : failed;
      }
      const read = claims.safeParse(payload);
      if (!read.success) return failed;
      const { userId, permissions, exp } = read.data;
      if (exp === undefined) return { ok: true, identity: { userId, permissions } };
      const expiresAt = exp * 1_000;
      return expiresAt <= now() ? expired : { ok: true, identity: { userId, permissions, expiresAt } };
    },
  };
}

/**
 * Signs a token, for the command line and for tests.
 *
 * @param options.expiresInMs From `now`; rounded to the second, as the format has no more. Without it, for ever.
 */
export function signToken(options: {
  readonly secret: string;
  readonly userId: string;
  readonly permissions: Permissions;
  readonly expiresInMs?: number;
  readonly now?: number;
}): string {
  const { secret, userId, permissions, expiresInMs, now = Date.now() } = options;
  const issued = Math.floor(now / 1_000);
  const expires = expiresInMs === undefined ? {} : { exp: Math.floor((now + expiresInMs) / 1_000) };
  return createSigner({ key: secret, algorithm: 'HS256' })({ userId, permissions, iat: issued, ...expires });
}
