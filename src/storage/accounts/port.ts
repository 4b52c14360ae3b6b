/**
 * The port to what the server keeps about who may do what: accounts, API keys, refresh tokens, revocations, and the list
 * of changes by which every node learns of them. Documents are elsewhere (storage/port.ts). Times are in ms since the
 * epoch. All methods reject when the storage fails. One contract suite (test/contract/accounts.ts) runs against every
 * adapter.
 */

/** As in a token's `permissions`; the storage does not look inside. */
export interface StoredPermissions {
  readonly canRead: readonly string[];
  readonly canWrite: readonly string[];
  readonly canAdmin?: readonly string[] | undefined;
  readonly isAdmin: boolean;
}

export interface Account {
  /** The user id of its sessions and tokens. */
  readonly id: string;
  /** In lower case; unique. */
  readonly email: string;
  readonly passwordHash: string;
  readonly isDisabled: boolean;
  readonly permissions: StoredPermissions;
  readonly createdAt: number;
}

export interface ApiKey {
  readonly id: string;
  /** For people; need not be unique. */
  readonly name: string;
  /** SHA-256 of the secret part, in hexadecimal digits. */
  readonly hash: string;
  readonly permissions: StoredPermissions;
  readonly createdAt: number;
  readonly expiresAt: number | undefined;
  readonly revokedAt: number | undefined;
}

export interface RefreshToken {
  readonly id: string;
  /** All that follow from one sign-in. */
  readonly familyId: string;
  readonly accountId: string;
  /** SHA-256 of the secret part, in hexadecimal digits. */
  readonly hash: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly usedAt: number | undefined;
}

/** Something issued earlier that counts no more. */
export interface Revocation {
  /** A token by its name, a family of refresh tokens with their access tokens, or what a user was issued before. */
  readonly kind: 'token' | 'family' | 'user';
  readonly id: string;
  readonly at: number;
  /** When nothing is left that it could concern; undefined if never. */
  readonly expiresAt: number | undefined;
}

/** Something has changed; what, has to be looked up. */
export interface Change {
  /** Grows by one with each change. */
  readonly number: number;
  readonly kind: 'account' | 'key' | 'revocation' | 'access' | 'order';
  /**
   * Of the account or key; for a revocation `<kind>:<id>`; for access which answers have changed, in JSON; for an order
   * of an administrator to all nodes what is to be done, in JSON.
   */
  readonly id: string;
}

export interface Changes {
  /** In their order. */
  readonly changes: readonly Change[];
  /** The number of the last change there was. */
  readonly last: number;
  /** False when some of them are not listed any more. */
  readonly isComplete: boolean;
}

/** Using a refresh token. */
export interface Rotation {
  readonly id: string;
  readonly hash: string;
  readonly now: number;
  /** A used token is good for so long after its first use. */
  readonly graceMs: number;
  /** What takes its place; `expiresAt` is that of the new one. */
  readonly next: { readonly id: string; readonly hash: string; readonly expiresAt: number };
  /** When the last access token of the family ends, at the latest. */
  readonly accessEndsAt: number;
}

export type Rotated =
  | { readonly kind: 'rotated' | 'reused'; readonly accountId: string; readonly familyId: string }
  | { readonly kind: 'unknown' };

/** A line of the audit log. */
export interface AuditRow {
  readonly at: number;
  readonly event: string;
  /** JSON. */
  readonly details: string;
}

export type AccountChange = Partial<Pick<Account, 'passwordHash' | 'isDisabled' | 'permissions'>>;

/** Refresh tokens that one account may have; the oldest are removed. */
export const maxRefreshTokens = 1_000;
/** How long changes are listed, in ms; who was away for longer reads everything anew. */
export const changesKeptMs = 3_600_000;

export interface AccountStore {
  accountById(id: string): Promise<Account | undefined>;
  /** @param email In lower case. */
  accountByEmail(email: string): Promise<Account | undefined>;
  /** In the order of their emails, after this one. */
  listAccounts(after: string, limit: number): Promise<Account[]>;
  /** @returns False when there is one with this email or id. */
  addAccount(account: Account): Promise<boolean>;
  /** @returns The account as it is then; undefined if there is none. */
  changeAccount(id: string, change: (account: Account) => AccountChange): Promise<Account | undefined>;
  /** Removes an account and its refresh tokens. @returns Whether there was one. */
  removeAccount(id: string): Promise<boolean>;

  listKeys(): Promise<ApiKey[]>;
  /** @returns False when there are so many already. */
  addKey(key: ApiKey, max: number): Promise<boolean>;
  /** @returns Whether there is such a key. */
  revokeKey(id: string, at: number): Promise<boolean>;

  listRevocations(): Promise<Revocation[]>;
  /** Those of some `<kind>:<id>`. */
  findRevocations(names: readonly string[]): Promise<Revocation[]>;
  /** Replaces one of the same kind and id. @returns False when there are so many already. */
  revoke(revocation: Revocation, max: number): Promise<boolean>;

  addRefreshToken(token: RefreshToken): Promise<void>;
  /**
   * Uses a token: the next one takes its place. One that was used before, longer ago than the grace, ends its family.
   */
  rotate(rotation: Rotation): Promise<Rotated>;
  /** Ends the family of a token. @returns It; undefined if there is no such token. */
  endFamily(
    id: string,
    hash: string,
    at: number,
    accessEndsAt: number,
  ): Promise<Omit<RefreshToken, 'hash'> | undefined>;

  /** Ends all sign-ins of an account: they can't be renewed any more. */
  removeRefreshTokens(accountId: string): Promise<void>;

  /** The changes after a number, as of one moment. */
  changesSince(number: number): Promise<Changes>;
  /** Lists a change of something that is stored elsewhere. */
  noteChange(kind: 'access' | 'order', id: string): Promise<void>;
  /** The number of the last change. */
  lastChange(): Promise<number>;

  addAudit(rows: readonly AuditRow[]): Promise<void>;
  /** Removes what has ended, and audit rows before a time. */
  sweep(now: number, auditBefore: number): Promise<void>;
  close(): Promise<void>;
}
