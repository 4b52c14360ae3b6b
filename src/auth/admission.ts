/** Whether credentials that are genuine still count: revocations, accounts and API keys. */
import type { Logger } from 'pino';
import type { Account } from '../storage/accounts/port.js';
import type { Changed, Directory } from './accounts/directory.js';
import { expired, failed, unavailable, type Basis, type Identity, type Verified } from './identity.js';
import { permissionsSchema, type Permissions } from './permissions.js';
import { keyPrefix, readSecret, sameHash } from './accounts/secrets.js';

const revoked: Verified = Object.freeze({ ok: false, code: 'TOKEN_REVOKED' });
const ended: Verified = Object.freeze({ ok: false, code: 'ACCESS_ENDED' });

export class Admission {
  readonly #directory: Directory;
  readonly #maxLookUps: number;
  readonly #log: Logger;
  #inProgress = 0;

  constructor(directory: Directory, maxLookUps: number, log: Logger) {
    this.#directory = directory;
    this.#maxLookUps = maxLookUps;
    this.#log = log;
  }

  /** Look-ups of accounts in progress. */
  get inProgress(): number {
    return this.#inProgress;
  }

  /** At once, unless the account has to be looked up. Never rejects. */
  admit(verified: Verified): Verified | Promise<Verified> {
    if (!verified.ok) return verified;
    const { identity } = verified;
    const { basis } = identity;
    if (basis === undefined) return verified;
    const isRevoked = this.#isRevoked(basis, identity.userId);
    if (basis.kind !== 'account') return isRevoked ? revoked : verified;
    if (this.#inProgress >= this.#maxLookUps) return unavailable;
    const account = this.#directory.account(basis.accountId);
    return account instanceof Promise
      ? this.#whenKnown(account, identity, isRevoked)
      : withAccount(identity, account, isRevoked);
  }

  key(text: string): Verified {
    const given = readSecret(keyPrefix, text);
    const key = given === undefined ? undefined : this.#directory.key(given.id);
    if (given === undefined || key === undefined || !sameHash(given.hash, key.hash)) return failed;
    if (key.revokedAt !== undefined) return ended;
    if (key.expiresAt !== undefined && key.expiresAt <= Date.now()) return expired;
    const basis = { kind: 'key', keyId: key.id } as const;
    const identity = { userId: `key:${key.id}`, permissions: readStored(key.permissions), basis };
    return { ok: true, identity: key.expiresAt === undefined ? identity : { ...identity, expiresAt: key.expiresAt } };
  }

  /** What counts for an identity after a change; undefined when nothing has changed for it. */
  recheck(identity: Identity, { accounts }: Changed): Verified | undefined {
    const { basis, userId } = identity;
    if (basis === undefined || basis.kind === 'anonymous') return undefined;
    if (basis.kind === 'key') return this.#directory.key(basis.keyId)?.revokedAt === undefined ? undefined : ended;
    const accountId = basis.kind === 'account' ? basis.accountId : userId;
    const isRevoked = this.#isRevoked(basis, userId);
    if (!accounts.has(accountId)) return isRevoked ? revoked : undefined;
    const account = accounts.get(accountId);
    if (basis.kind === 'account') return withAccount(identity, account, isRevoked);
    // A token of somebody else's making that names the user of an account: what it says counts, while the user may.
    if (account === undefined || account.isDisabled) return ended;
    return isRevoked ? revoked : undefined;
  }

  async #whenKnown(account: Promise<Account | undefined>, identity: Identity, isRevoked: boolean): Promise<Verified> {
    this.#inProgress++;
    try {
      return withAccount(identity, await account, isRevoked);
    } catch (error) {
      this.#log.warn({ err: error }, 'an account could not be looked up');
      return unavailable;
    } finally {
      this.#inProgress--;
    }
  }

  #isRevoked(basis: Basis, userId: string): boolean {
    if (basis.kind !== 'token' && basis.kind !== 'account') return false;
    if (this.#directory.revokedAt('token', basis.tokenId) !== undefined) return true;
    if (basis.kind === 'account' && this.#directory.revokedAt('family', basis.familyId) !== undefined) return true;
    const at = this.#directory.revokedAt('user', userId);
    return at !== undefined && (basis.issuedAt ?? 0) < at;
  }
}

/** That the user may not is more than that the token was revoked, and what the client is told. */
function withAccount(identity: Identity, account: Account | undefined, isRevoked: boolean): Verified {
  if (account === undefined || account.isDisabled) return ended;
  if (isRevoked) return revoked;
  return { ok: true, identity: { ...identity, userId: account.id, permissions: readStored(account.permissions) } };
}

/** What can't be read grants nothing. */
function readStored(stored: unknown): Permissions {
  return permissionsSchema.parse(permissionsSchema.safeParse(stored).data ?? {});
}
