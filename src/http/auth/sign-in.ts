/** The routes by which users sign in, stay signed in, and sign out; in the shapes of the reference server. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { BusyError } from '../../auth/accounts/password-pool.js';
import { permissionsSchema } from '../../auth/permissions.js';
import { normalEmail } from '../../auth/accounts/accounts.js';
import type { Origin } from '../../auth/accounts/sign-in.js';
import { signToken } from '../../auth/tokens/tokens.js';
import type { Answer } from '../answer.js';
import { comeLater, identify, ok, refuse } from './answers.js';
import type { Asked } from './exchange.js';
import type { AuthHttpDeps, AuthServices } from './ports.js';

export type Route = (asked: Asked, services: AuthServices) => Promise<Answer>;

const text = z.string().min(1).max(10_000);
const credentials = z.object({ email: text, password: text, permissions: z.unknown().optional() });
const refreshBody = z.object({ refreshToken: text });
const verifyBody = z.object({ token: z.string().min(1) });

/** By method and path. */
export function signInRoutes(deps: AuthHttpDeps): ReadonlyMap<string, Route> {
  return new Map<string, Route>([
    ['post /auth/login', (asked, services) => login(deps, asked, services)],
    ['post /auth/refresh', (asked, services) => refresh(deps, asked, services)],
    ['post /auth/logout', logout],
    ['get /auth/me', (asked, services) => me(deps, asked, services)],
    ['post /auth/verify', (asked) => verify(deps, asked)],
  ]);
}

async function login(deps: AuthHttpDeps, asked: Asked, { signIn, store }: AuthServices): Promise<Answer> {
  const given = credentials.safeParse(asked.body);
  if (!given.success) return refuse('bad', 'Email and password required');
  const { email, password } = given.data;
  if (deps.config.auth.demo && (await store.accountByEmail(normalEmail(email) ?? '')) === undefined) {
    return demoLogin(deps, email, given.data.permissions);
  }
  try {
    const result = await signIn.signIn(email, password, originOf(asked));
    switch (result.kind) {
      case 'signedIn':
        return ok(result.signedIn);
      case 'refused':
        return refuse('unauthorized', 'Invalid credentials');
      case 'throttled':
        return comeLater('tooMany', 'Too many attempts', result.waitMs);
    }
  } catch (error) {
    if (error instanceof BusyError) return comeLater('unavailable', 'Too many sign-ins', 1_000);
    throw error;
  }
}

async function refresh(deps: AuthHttpDeps, asked: Asked, { signIn }: AuthServices): Promise<Answer> {
  const given = refreshBody.safeParse(asked.body);
  if (!given.success) return refuse('bad', 'Refresh token required');
  const { refreshToken } = given.data;
  const renewed = (await signIn.refresh(refreshToken, originOf(asked))) ?? (await demoRefresh(deps, refreshToken));
  if (renewed === undefined) return refuse('unauthorized', 'Invalid or expired refresh token');
  return ok({ accessToken: renewed.accessToken, refreshToken: renewed.refreshToken });
}

/** A token that is unknown is signed out already. */
async function logout(asked: Asked, { signIn }: AuthServices): Promise<Answer> {
  const given = refreshBody.safeParse(asked.body);
  if (!given.success) return refuse('bad', 'Refresh token required');
  await signIn.signOut(given.data.refreshToken, originOf(asked));
  return ok({ success: true });
}

async function me(deps: AuthHttpDeps, asked: Asked, { store }: AuthServices): Promise<Answer> {
  const known = await identify(deps, asked);
  if ('answer' in known) return known.answer;
  const { userId, permissions, basis } = known.identity;
  const account = basis?.kind === 'account' ? await store.accountById(basis.accountId) : undefined;
  return ok({ userId, email: account?.email ?? null, permissions });
}

async function verify({ authenticator, config }: AuthHttpDeps, asked: Asked): Promise<Answer> {
  const given = verifyBody.safeParse(asked.body);
  if (!given.success) return refuse('bad', 'Token required');
  const verified = await authenticator.verify(given.data.token);
  if (!verified.ok) {
    if (verified.code === 'AUTH_UNAVAILABLE') return comeLater('unavailable', 'Authentication unavailable', 1_000);
    return ok({ valid: false });
  }
  const { userId, expiresAt } = verified.identity;
  const { toleranceMs } = config.auth.rules;
  return ok({
    valid: true,
    userId,
    expiresAt: expiresAt === undefined ? null : Math.floor((expiresAt - toleranceMs) / 1_000),
  });
}

/** Nothing else of a request may get into the audit log. */
function originOf({ address, requestId }: Asked): Origin {
  return { address, requestId };
}

/** Everybody is let in, as by the reference server, but never as an administrator. */
function demoLogin(deps: AuthHttpDeps, email: string, wanted: unknown): Answer {
  const asked = permissionsSchema.safeParse(wanted ?? {});
  if (!asked.success) return refuse('bad', 'Invalid permissions');
  const permissions = { canRead: asked.data.canRead, canWrite: asked.data.canWrite, isAdmin: false };
  const userId = `user-${createHash('sha256').update(email).digest('hex').slice(0, 16)}`;
  return ok({ userId, email, ...demoTokens(deps, userId, permissions), permissions });
}

async function demoRefresh(deps: AuthHttpDeps, token: string): Promise<ReturnType<typeof demoTokens> | undefined> {
  if (!deps.config.auth.demo) return undefined;
  const verified = await deps.authenticator.verify(token);
  // What rests on an account or a key would outlive it.
  if (!verified.ok || verified.identity.basis?.kind !== 'token') return undefined;
  if (verified.identity.permissions.isAdmin) return undefined;
  return demoTokens(deps, verified.identity.userId, verified.identity.permissions);
}

function demoTokens(
  { config }: AuthHttpDeps,
  userId: string,
  permissions: z.infer<typeof permissionsSchema>,
): { readonly accessToken: string; readonly refreshToken: string } {
  const { jwtSecret: secret, tokenLifetimeMs, auth } = config;
  const token = (expiresInMs: number): string =>
    signToken({ secret, userId, permissions, expiresInMs, rules: auth.rules });
  return { accessToken: token(tokenLifetimeMs), refreshToken: token(auth.refreshLifetimeMs) };
}
