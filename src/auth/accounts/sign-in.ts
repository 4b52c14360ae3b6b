/** Signing in with a password, renewing that, and signing out. */
import type { Account, AccountStore } from '../../storage/accounts/port.js';
import { normalEmail } from './accounts.js';
import type { AuditLog } from '../audit.js';
import type { ClaimRules } from '../../config/load.js';
import type { Directory } from './directory.js';
import type { PasswordPool } from './password-pool.js';
import { decoyHash, hasCost } from './passwords.js';
import { permissionsSchema, type Permissions } from '../permissions.js';
import { newSecret, readSecret, refreshPrefix } from './secrets.js';
import type { SignInThrottle } from './throttle.js';
import { accountClaims, signToken } from '../tokens/tokens.js';

export interface SignInOptions {
  readonly store: AccountStore;
  readonly directory: Directory;
  readonly passwords: PasswordPool;
  readonly throttle: SignInThrottle;
  readonly audit: AuditLog;
  readonly secret: string;
  readonly rules: ClaimRules;
  readonly accessLifetimeMs: number;
  readonly refreshLifetimeMs: number;
  /** How long a used refresh token may be used again, in ms. */
  readonly graceMs: number;
}

/** Where a request comes from. */
export interface Origin {
  readonly address: string;
  readonly requestId: string;
}

export interface SignedIn {
  readonly userId: string;
  readonly email: string;
  readonly permissions: Permissions;
  readonly accessToken: string;
  readonly refreshToken: string;
}

export type SignInResult =
  | { readonly kind: 'signedIn'; readonly signedIn: SignedIn }
  | { readonly kind: 'refused' }
  | { readonly kind: 'throttled'; readonly waitMs: number };

export class SignIn {
  readonly #options: SignInOptions;

  constructor(options: SignInOptions) {
    this.#options = options;
  }

  /** Rejects with a BusyError when too many passwords are being checked. */
  async signIn(email: string, password: string, origin: Origin): Promise<SignInResult> {
    const { store, passwords, throttle, audit } = this.#options;
    const address = normalEmail(email);
    const refused = (reason: string): SignInResult => {
      audit.write('sign_in_refused', { ...origin, target: address, reason });
      return { kind: 'refused' };
    };
    const waitMs = await throttle.attempt(address ?? '', origin.address);
    if (waitMs > 0) {
      audit.write('sign_in_refused', { ...origin, target: address, reason: 'throttled' });
      return { kind: 'throttled', waitMs };
    }
    const account = address === undefined ? undefined : await store.accountByEmail(address);
    // Unknown users take as long as others, so that the time of the answer says nothing.
    const stored = account?.passwordHash ?? decoyHash(passwords.cost);
    const fits = await passwords.check(password, stored);
    if (account === undefined) return refused('unknown');
    if (!fits) return refused('password');
    if (account.isDisabled) return refused('disabled');
    await throttle.succeeded(account.email, origin.address);
    const signedIn = await this.#begin(account, password);
    if (signedIn === undefined) return refused('changed');
    if (!hasCost(stored, passwords.cost)) await this.#rehash(account, password);
    audit.write('sign_in', { ...origin, actor: account.id, target: account.id });
    return { kind: 'signedIn', signedIn };
  }

  /** @returns Undefined for a token that is unknown, expired, or was used before. */
  async refresh(refreshToken: string, origin: Origin): Promise<SignedIn | undefined> {
    const { store, directory, audit, graceMs, refreshLifetimeMs, accessLifetimeMs } = this.#options;
    const given = readSecret(refreshPrefix, refreshToken);
    if (given === undefined) return undefined;
    const now = Date.now();
    const { id, hash, text } = newSecret(refreshPrefix);
    const rotated = await store.rotate({
      ...given,
      now,
      graceMs,
      next: { id, hash, expiresAt: now + refreshLifetimeMs },
      accessEndsAt: now + accessLifetimeMs,
    });
    if (rotated.kind === 'unknown') return undefined;
    const { accountId, familyId } = rotated;
    if (rotated.kind === 'reused') {
      audit.write('token_reused', { ...origin, target: accountId });
      await directory.refresh();
      return undefined;
    }
    const account = await store.accountById(accountId);
    if (account === undefined || account.isDisabled) return undefined;
    audit.write('token_refreshed', { ...origin, actor: accountId, target: accountId });
    // As of before: a revocation meanwhile concerns this token too.
    return this.#signedIn(account, familyId, text, now);
  }

  /** Ends the sign-in of a refresh token. @returns Whether there is such a token. */
  async signOut(refreshToken: string, origin: Origin): Promise<boolean> {
    const { store, directory, audit, accessLifetimeMs } = this.#options;
    const given = readSecret(refreshPrefix, refreshToken);
    if (given === undefined) return false;
    const now = Date.now();
    const ended = await store.endFamily(given.id, given.hash, now, now + accessLifetimeMs);
    if (ended === undefined) return false;
    audit.write('sign_out', { ...origin, actor: ended.accountId, target: ended.accountId });
    await directory.refresh();
    return true;
  }

  /** @returns Undefined when the password was changed, or the account disabled, while the password was checked. */
  async #begin(account: Account, password: string): Promise<SignedIn | undefined> {
    const { store, passwords, refreshLifetimeMs } = this.#options;
    const { id, hash, text } = newSecret(refreshPrefix);
    const createdAt = Date.now();
    const familyId = id;
    const expiresAt = createdAt + refreshLifetimeMs;
    await store.addRefreshToken({ id, familyId, accountId: account.id, hash, createdAt, expiresAt, usedAt: undefined });
    // A change before this look is seen by it; one after it removes the refresh token, and revokes the other.
    const present = await store.accountById(account.id);
    if (present?.isDisabled === false) {
      const fits =
        present.passwordHash === account.passwordHash || (await passwords.check(password, present.passwordHash));
      if (fits) return this.#signedIn(present, familyId, text, createdAt);
    }
    await store.endFamily(id, hash, createdAt, createdAt);
    return undefined;
  }

  #signedIn(
    { id, email, permissions: stored }: Account,
    familyId: string,
    refreshToken: string,
    now: number,
  ): SignedIn {
    const { secret, rules, accessLifetimeMs } = this.#options;
    const permissions = permissionsSchema.parse(stored);
    const accessToken = signToken({
      secret,
      userId: id,
      permissions,
      expiresInMs: accessLifetimeMs,
      rules,
      // With its milliseconds: a revocation is told from a sign-in right after it.
      more: { email, iat: now / 1_000, ...accountClaims(id, familyId) },
      now,
    });
    return { userId: id, email, permissions, accessToken, refreshToken };
  }

  /** The cost was changed since; that it can't be stored at the moment is no reason to refuse anybody. */
  async #rehash({ id }: Account, password: string): Promise<void> {
    try {
      const passwordHash = await this.#options.passwords.hash(password);
      await this.#options.store.changeAccount(id, () => ({ passwordHash }));
    } catch {
      // At the next sign-in.
    }
  }
}
