/** Tokens for the clients of the bench. */
import type { Permissions } from '../../src/auth/permissions.js';
import { signToken } from '../../src/auth/tokens/tokens.js';

/** JWT_SECRET of the servers that ask for a token. */
export const secret = 'a secret of the bench, 32 characters or more';

/** Tokens of so many users, who may read and write everything by default. */
export function tokens(count: number, name: string, limits: Partial<Permissions> = {}): string[] {
  const permissions = { canRead: ['*'], canWrite: ['*'], isAdmin: false, ...limits };
  return Array.from({ length: count }, (_, i) =>
    signToken({ secret, userId: `${name}-${i}`, permissions, expiresInMs: 24 * 3_600_000 }),
  );
}
