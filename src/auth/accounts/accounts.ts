/** Managing accounts, API keys and revocations: for the command line and for administrators over HTTP. */
import { randomBytes } from 'node:crypto';
import type { Account, AccountStore, ApiKey, Revocation } from '../../storage/accounts/port.js';
import type { AccessChange } from '../access/access-cache.js';
import { writeOrder, type Order } from './orders.js';
import { isPattern } from '../patterns.js';
import { whyUnusable } from './passwords.js';
import { permissionsSchema, type Permissions } from '../permissions.js';
import { keyPrefix, newSecret } from './secrets.js';

/** What was asked for can't be done. The message is a sentence for who asked. */
export class AccountError extends Error {
  override readonly name = 'AccountError';

  constructor(
    readonly kind: 'invalid' | 'exists' | 'unknown' | 'full',
    message: string,
  ) {
    super(message);
  }
}

/** What may be granted and revoked. */
export interface Grants {
  readonly read?: readonly string[] | undefined;
  readonly write?: readonly string[] | undefined;
  readonly admin?: readonly string[] | undefined;
  readonly isAdmin?: boolean | undefined;
}

export interface AccountsOptions {
  readonly store: AccountStore;
  readonly hash: (password: string) => Promise<string> | string;
  readonly maxKeys: number;
  readonly maxRevocations: number;
  /** Called after each change, so that it counts at once. */
  readonly onChanged?: () => Promise<void>;
}

const maxEmailLength = 254;
const maxNameLength = 100;

export class Accounts {
  readonly #options: AccountsOptions;

  constructor(options: AccountsOptions) {
    this.#options = options;
  }

  /** @throws AccountError, BusyError */
  async add(email: string, password: string, permissions: Permissions): Promise<Account> {
    const address = normalEmail(email);
    if (address === undefined) throw new AccountError('invalid', 'this is no email address');
    checkPermissions(permissions);
    const account: Account = {
      id: `user-${randomBytes(9).toString('hex')}`,
      email: address,
      passwordHash: await this.#hash(password),
      isDisabled: false,
      permissions,
      createdAt: Date.now(),
    };
    if (!(await this.#options.store.addAccount(account))) throw new AccountError('exists', 'the email is taken');
    return this.#changed(account);
  }

  /** @param who An id or an email. @throws AccountError when there is none. */
  async find(who: string): Promise<Account> {
    const { store } = this.#options;
    const account = (await store.accountById(who)) ?? (await store.accountByEmail(normalEmail(who) ?? ''));
    if (account === undefined) throw new AccountError('unknown', 'there is no such user');
    return account;
  }

  /** In the order of their emails. */
  list(after: string, limit: number): Promise<Account[]> {
    return this.#options.store.listAccounts(after, limit);
  }

  async setPassword(who: string, password: string): Promise<Account> {
    const passwordHash = await this.#hash(password);
    const account = await this.#change(who, () => ({ passwordHash }));
    // Whoever knew the old one is signed in no more.
    await this.#options.store.removeRefreshTokens(account.id);
    await this.revoke('user', account.id);
    return account;
  }

  async setDisabled(who: string, isDisabled: boolean): Promise<Account> {
    const account = await this.#change(who, () => ({ isDisabled }));
    if (!isDisabled) return account;
    await this.#options.store.removeRefreshTokens(account.id);
    // Tokens that somebody else has signed for the user are not looked up by account.
    await this.revoke('user', account.id);
    return account;
  }

  setPermissions(who: string, permissions: Permissions): Promise<Account> {
    checkPermissions(permissions);
    return this.#change(who, () => ({ permissions }));
  }

  grant(who: string, grants: Grants): Promise<Account> {
    checkItems(grants);
    return this.#changePermissions(who, (list, more) => [...new Set([...list, ...more])], grants, true);
  }

  ungrant(who: string, grants: Grants): Promise<Account> {
    return this.#changePermissions(who, (list, less) => list.filter((item) => !less.includes(item)), grants, false);
  }

  async remove(who: string): Promise<Account> {
    const account = await this.find(who);
    await this.#options.store.removeAccount(account.id);
    await this.#changed(account);
    await this.revoke('user', account.id);
    return account;
  }

  /** @returns The key, and its text, which is not stored. */
  async addKey(
    name: string,
    permissions: Permissions,
    expiresAt: number | undefined,
  ): Promise<{ readonly key: ApiKey; readonly text: string }> {
    if (name === '' || name.length > maxNameLength) {
      throw new AccountError('invalid', `a key needs a name of at most ${maxNameLength} characters`);
    }
    checkPermissions(permissions);
    const { id, text, hash } = newSecret(keyPrefix);
    const key = { id, name, hash, permissions, createdAt: Date.now(), expiresAt, revokedAt: undefined };
    const { store, maxKeys } = this.#options;
    if (!(await store.addKey(key, maxKeys))) {
      throw new AccountError('full', `there are ${maxKeys} keys already (SYNCKIT_MAX_API_KEYS)`);
    }
    return this.#changed({ key, text });
  }

  listKeys(): Promise<ApiKey[]> {
    return this.#options.store.listKeys();
  }

  async revokeKey(id: string): Promise<void> {
    if (!(await this.#options.store.revokeKey(id, Date.now()))) {
      throw new AccountError('unknown', 'there is no such key');
    }
    await this.#changed(undefined);
  }

  /**
   * Revokes a token by its name, or everything that a user was issued until now.
   *
   * @param expiresAt When nothing is left that it could concern.
   */
  async revoke(kind: 'token' | 'user', id: string, expiresAt?: number): Promise<void> {
    const revocation: Revocation = { kind, id, at: Date.now(), expiresAt };
    const { store, maxRevocations } = this.#options;
    if (!(await store.revoke(revocation, maxRevocations))) {
      throw new AccountError('full', `there are ${maxRevocations} revocations already (SYNCKIT_MAX_REVOCATIONS)`);
    }
    await this.#changed(undefined);
  }

  /** The application has decided anew about a user, a document, or both. */
  async refreshAccess(change: AccessChange): Promise<void> {
    await this.#options.store.noteChange('access', JSON.stringify(change));
    await this.#changed(undefined);
  }

  /** Every node of the cluster does it a moment later, this one at once. */
  async order(order: Order): Promise<void> {
    await this.#options.store.noteChange('order', writeOrder(order));
    await this.#changed(undefined);
  }

  async #change(who: string, change: Parameters<AccountStore['changeAccount']>[1]): Promise<Account> {
    const { id } = await this.find(who);
    const account = await this.#options.store.changeAccount(id, change);
    if (account === undefined) throw new AccountError('unknown', 'there is no such user');
    return this.#changed(account);
  }

  #changePermissions(
    who: string,
    merge: (list: readonly string[], items: readonly string[]) => string[],
    { read = [], write = [], admin = [], isAdmin = false }: Grants,
    adminValue: boolean,
  ): Promise<Account> {
    return this.#change(who, ({ permissions }) => {
      const changed = {
        canRead: merge(permissions.canRead, read),
        canWrite: merge(permissions.canWrite, write),
        canAdmin: merge(permissions.canAdmin ?? [], admin),
        isAdmin: isAdmin ? adminValue : permissions.isAdmin,
      };
      return { permissions: permissionsSchema.parse(changed) };
    });
  }

  async #hash(password: string): Promise<string> {
    const reason = whyUnusable(password);
    if (reason !== undefined) throw new AccountError('invalid', reason);
    return this.#options.hash(password);
  }

  async #changed<Result>(result: Result): Promise<Result> {
    await this.#options.onChanged?.();
    return result;
  }
}

/** @returns Undefined for a text that is no address. */
export function normalEmail(email: string): string | undefined {
  const address = email.trim().toLowerCase();
  return address.length <= maxEmailLength && /^[^\s@]+@[^\s@]+$/.test(address) ? address : undefined;
}

/** In a token, an item that is no pattern grants nothing; here somebody has made a mistake. */
function checkPermissions({ canRead, canWrite, canAdmin = [] }: Permissions): void {
  checkItems({ read: canRead, write: canWrite, admin: canAdmin });
}

function checkItems({ read = [], write = [], admin = [] }: Grants): void {
  for (const item of [...read, ...write, ...admin]) {
    if (isPattern(item)) continue;
    throw new AccountError(
      'invalid',
      `${JSON.stringify(item.slice(0, 40))} is no document id, no beginning of ids such as team-1:*, and not *`,
    );
  }
}
