/** Accounts on a store of keys and values: the embedded one, or memory. */
import {
  changesKeptMs,
  maxRefreshTokens,
  type Account,
  type AccountChange,
  type AccountStore,
  type ApiKey,
  type AuditRow,
  type Change,
  type Changes,
  type RefreshToken,
  type Revocation,
  type Rotated,
  type Rotation,
} from './port.js';

/** A view of the store within a transaction, or of what is committed. Keys sort by their UTF-8 bytes. */
export interface Records {
  get(key: string): unknown;
  put(key: string, value: unknown): void;
  remove(key: string): void;
  /** Keys and values with a prefix, after a key. */
  range(prefix: string, after?: string): Iterable<{ readonly key: string; readonly value: unknown }>;
}

export interface KeyValueStore {
  /** For reading. */
  readonly committed: Pick<Records, 'get' | 'range'>;
  /**
   * Runs an action whose writes are durable together when the promise resolves; one at a time.
   *
   * @param bytes That it writes at most, where that may be much.
   */
  transact<Result>(action: (records: Records) => Result, bytes?: number): Promise<Result>;
  close(): Promise<void>;
}

/**
 * The records, by key:
 *
 *     account:<id>  email:<email>  key:<id>  revocation:<kind>:<id>
 *     refresh:<id>  family:<family>:<id>  owner:<account>:<created>:<id>
 *     change:<number>  changes  audit:<time>:<count>
 */
export class KeyValueAccounts implements AccountStore {
  readonly #store: KeyValueStore;
  #audits = 0;

  constructor(store: KeyValueStore) {
    this.#store = store;
  }

  accountById(id: string): Promise<Account | undefined> {
    return this.#read(({ get }) => get(`account:${id}`) as Account | undefined);
  }

  accountByEmail(email: string): Promise<Account | undefined> {
    return this.#read(({ get }) => {
      const id = get(`email:${email}`) as string | undefined;
      return id === undefined ? undefined : (get(`account:${id}`) as Account | undefined);
    });
  }

  listAccounts(after: string, limit: number): Promise<Account[]> {
    return this.#read(({ get, range }) => {
      const found: Account[] = [];
      for (const { value } of range('email:', `email:${after}`)) {
        if (found.length >= limit) break;
        const account = get(`account:${String(value)}`) as Account | undefined;
        if (account !== undefined) found.push(account);
      }
      return found;
    });
  }

  addAccount(account: Account): Promise<boolean> {
    return this.#store.transact((records) => {
      const { id, email } = account;
      if (records.get(`email:${email}`) !== undefined || records.get(`account:${id}`) !== undefined) return false;
      records.put(`account:${id}`, account);
      records.put(`email:${email}`, id);
      note(records, 'account', id);
      return true;
    });
  }

  changeAccount(id: string, change: (account: Account) => AccountChange): Promise<Account | undefined> {
    return this.#store.transact((records) => {
      const account = records.get(`account:${id}`) as Account | undefined;
      if (account === undefined) return undefined;
      const changed = { ...account, ...change(account) };
      records.put(`account:${id}`, changed);
      note(records, 'account', id);
      return changed;
    });
  }

  removeAccount(id: string): Promise<boolean> {
    return this.#store.transact((records) => {
      const account = records.get(`account:${id}`) as Account | undefined;
      if (account === undefined) return false;
      records.remove(`account:${id}`);
      records.remove(`email:${account.email}`);
      for (const { value } of [...records.range(`owner:${id}:`)]) removeToken(records, value as string);
      note(records, 'account', id);
      return true;
    });
  }

  listKeys(): Promise<ApiKey[]> {
    return this.#read(({ range }) => Array.from(range('key:'), ({ value }) => value as ApiKey));
  }

  addKey(key: ApiKey, max: number): Promise<boolean> {
    return this.#store.transact((records) => {
      if (isFull(records, 'key:', max)) return false;
      records.put(`key:${key.id}`, key);
      note(records, 'key', key.id);
      return true;
    });
  }

  revokeKey(id: string, at: number): Promise<boolean> {
    return this.#store.transact((records) => {
      const key = records.get(`key:${id}`) as ApiKey | undefined;
      if (key === undefined) return false;
      records.put(`key:${id}`, { ...key, revokedAt: key.revokedAt ?? at });
      note(records, 'key', id);
      return true;
    });
  }

  listRevocations(): Promise<Revocation[]> {
    return this.#read(({ range }) => Array.from(range('revocation:'), ({ value }) => value as Revocation));
  }

  findRevocations(names: readonly string[]): Promise<Revocation[]> {
    return this.#read(({ get }) =>
      names
        .map((name) => get(`revocation:${name}`) as Revocation | undefined)
        .filter((revocation) => revocation !== undefined),
    );
  }

  revoke(revocation: Revocation, max: number): Promise<boolean> {
    return this.#store.transact((records) => {
      const isKnown = records.get(`revocation:${revocation.kind}:${revocation.id}`) !== undefined;
      if (!isKnown && isFull(records, 'revocation:', max)) return false;
      putRevocation(records, revocation);
      return true;
    });
  }

  addRefreshToken(token: RefreshToken): Promise<void> {
    return this.#store.transact((records) => {
      putToken(records, token);
    });
  }

  rotate({ id, hash, now, graceMs, next, accessEndsAt }: Rotation): Promise<Rotated> {
    return this.#store.transact((records): Rotated => {
      const token = records.get(`refresh:${id}`) as RefreshToken | undefined;
      if (token?.hash !== hash || token.expiresAt <= now) return { kind: 'unknown' };
      const { accountId, familyId, usedAt } = token;
      if (usedAt !== undefined && now - usedAt > graceMs) {
        removeFamily(records, familyId);
        putRevocation(records, { kind: 'family', id: familyId, at: now, expiresAt: accessEndsAt });
        return { kind: 'reused', accountId, familyId };
      }
      records.put(`refresh:${id}`, { ...token, usedAt: usedAt ?? now });
      putToken(records, { ...next, familyId, accountId, createdAt: now, usedAt: undefined });
      return { kind: 'rotated', accountId, familyId };
    });
  }

  endFamily(
    id: string,
    hash: string,
    at: number,
    accessEndsAt: number,
  ): Promise<Omit<RefreshToken, 'hash'> | undefined> {
    return this.#store.transact((records) => {
      const token = records.get(`refresh:${id}`) as RefreshToken | undefined;
      if (token?.hash !== hash) return undefined;
      removeFamily(records, token.familyId);
      putRevocation(records, { kind: 'family', id: token.familyId, at, expiresAt: accessEndsAt });
      return token;
    });
  }

  removeRefreshTokens(accountId: string): Promise<void> {
    return this.#store.transact((records) => {
      for (const { value } of [...records.range(`owner:${accountId}:`)]) removeToken(records, value as string);
    });
  }

  changesSince(number: number): Promise<Changes> {
    return this.#read(({ get, range }) => {
      const last = Number(get('changes') ?? 0);
      const changes = Array.from(
        range('change:', `change:${padded(number)}`),
        ({ value }) => (value as { change: Change }).change,
      );
      return { changes, last, isComplete: changes.length === last - number };
    });
  }

  noteChange(kind: Change['kind'], id: string): Promise<void> {
    return this.#store.transact((records) => {
      note(records, kind, id);
    });
  }

  lastChange(): Promise<number> {
    return this.#read(({ get }) => Number(get('changes') ?? 0));
  }

  addAudit(rows: readonly AuditRow[]): Promise<void> {
    return this.#store.transact((records) => {
      for (const row of rows) records.put(`audit:${padded(row.at)}:${process.pid}:${++this.#audits}`, row);
    });
  }

  sweep(now: number, auditBefore: number): Promise<void> {
    return this.#store.transact((records) => {
      for (const { value } of [...records.range('refresh:')]) {
        const { id, expiresAt } = value as RefreshToken;
        if (expiresAt <= now) removeToken(records, id);
      }
      for (const { key, value } of [...records.range('revocation:')]) {
        if (((value as Revocation).expiresAt ?? Infinity) <= now) records.remove(key);
      }
      for (const { key, value } of [...records.range('change:')]) {
        if ((value as { at: number }).at < now - changesKeptMs) records.remove(key);
      }
      for (const { key, value } of records.range('audit:')) {
        if ((value as AuditRow).at >= auditBefore) break;
        records.remove(key);
      }
    });
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async #read<Result>(action: (records: Pick<Records, 'get' | 'range'>) => Result): Promise<Result> {
    return action(this.#store.committed);
  }
}

/** Numbers whose texts sort as they do. */
function padded(number: number): string {
  return String(number).padStart(16, '0');
}

function note(records: Records, kind: Change['kind'], id: string): void {
  const number = Number(records.get('changes') ?? 0) + 1;
  records.put('changes', number);
  records.put(`change:${padded(number)}`, { at: Date.now(), change: { number, kind, id } satisfies Change });
}

function isFull(records: Records, prefix: string, max: number): boolean {
  return Array.from(records.range(prefix), ({ key }) => key).length >= max;
}

function putRevocation(records: Records, revocation: Revocation): void {
  const name = `${revocation.kind}:${revocation.id}`;
  records.put(`revocation:${name}`, revocation);
  note(records, 'revocation', name);
}

function putToken(records: Records, token: RefreshToken): void {
  const { id, familyId, accountId, createdAt } = token;
  const owned = Array.from(records.range(`owner:${accountId}:`), ({ value }) => value as string);
  for (const oldest of owned.slice(0, Math.max(0, owned.length - maxRefreshTokens + 1))) removeToken(records, oldest);
  records.put(`refresh:${id}`, token);
  records.put(`family:${familyId}:${id}`, id);
  records.put(`owner:${accountId}:${padded(createdAt)}:${id}`, id);
}

function removeToken(records: Records, id: string): void {
  const token = records.get(`refresh:${id}`) as RefreshToken | undefined;
  if (token === undefined) return;
  records.remove(`refresh:${id}`);
  records.remove(`family:${token.familyId}:${id}`);
  records.remove(`owner:${token.accountId}:${padded(token.createdAt)}:${id}`);
}

function removeFamily(records: Records, familyId: string): void {
  for (const { value } of [...records.range(`family:${familyId}:`)]) removeToken(records, value as string);
}
