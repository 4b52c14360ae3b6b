/** Accounts in Postgres, in the tables of migration 005. */
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
} from '../accounts/port.js';
import { Connections, type Connection, type PostgresOptions } from './connection/connection.js';
import {
  accountColumns,
  accountOf,
  keyColumns,
  keyOf,
  numberOf,
  revocationColumns,
  revocationOf,
  tokenColumns,
  tokenOf,
} from './account-rows.js';
import { databaseError } from './errors.js';

/** Connects when it is first used. */
export function openPostgresAccounts(options: PostgresOptions): AccountStore {
  return new PostgresAccounts(new Connections(options));
}

/** Tries of a transaction that conflicts with another one. */
const maxTries = 5;

class PostgresAccounts implements AccountStore {
  readonly #connections: Connections;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  async accountById(id: string): Promise<Account | undefined> {
    const [row] = await this.#query(`SELECT ${accountColumns} FROM users WHERE id = $1`, [id]);
    return accountOf(row);
  }

  async accountByEmail(email: string): Promise<Account | undefined> {
    const [row] = await this.#query(`SELECT ${accountColumns} FROM users WHERE email = $1`, [email]);
    return accountOf(row);
  }

  async listAccounts(after: string, limit: number): Promise<Account[]> {
    const text = `SELECT ${accountColumns} FROM users WHERE email > $1 ORDER BY email LIMIT $2`;
    return (await this.#query(text, [after, limit])).map(accountOf).filter((account) => account !== undefined);
  }

  addAccount(account: Account): Promise<boolean> {
    const { id, email, passwordHash, isDisabled, permissions, createdAt } = account;
    return this.#change('account', async (query) => {
      const rows = await query(
        `INSERT INTO users (id, email, password_hash, disabled, permissions, created_at) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT DO NOTHING RETURNING id`,
        [id, email, passwordHash, isDisabled, JSON.stringify(permissions), createdAt],
      );
      return rows.length === 0 ? { result: false } : { result: true, changed: id };
    });
  }

  changeAccount(id: string, change: (account: Account) => AccountChange): Promise<Account | undefined> {
    return this.#change('account', async (query) => {
      const [row] = await query(`SELECT ${accountColumns} FROM users WHERE id = $1 FOR UPDATE`, [id]);
      const account = accountOf(row);
      if (account === undefined) return { result: undefined };
      const changed = { ...account, ...change(account) };
      await query('UPDATE users SET password_hash = $2, disabled = $3, permissions = $4 WHERE id = $1', [
        id,
        changed.passwordHash,
        changed.isDisabled,
        JSON.stringify(changed.permissions),
      ]);
      return { result: changed, changed: id };
    });
  }

  removeAccount(id: string): Promise<boolean> {
    return this.#change('account', async (query) => {
      const rows = await query('DELETE FROM users WHERE id = $1 RETURNING id', [id]);
      return rows.length === 0 ? { result: false } : { result: true, changed: id };
    });
  }

  async listKeys(): Promise<ApiKey[]> {
    return (await this.#query(`SELECT ${keyColumns} FROM api_keys ORDER BY id`, [])).map(keyOf);
  }

  addKey(key: ApiKey, max: number): Promise<boolean> {
    const { id, name, hash, permissions, createdAt, expiresAt } = key;
    return this.#change('key', async (query) => {
      const [row] = await query('SELECT count(*) FROM api_keys', []);
      if (numberOf(row?.[0]) >= max) return { result: false };
      await query(
        'INSERT INTO api_keys (id, name, hash, permissions, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)',
        [id, name, hash, JSON.stringify(permissions), createdAt, expiresAt ?? null],
      );
      return { result: true, changed: id };
    });
  }

  revokeKey(id: string, at: number): Promise<boolean> {
    return this.#change('key', async (query) => {
      const text = 'UPDATE api_keys SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1 RETURNING id';
      const rows = await query(text, [id, at]);
      return rows.length === 0 ? { result: false } : { result: true, changed: id };
    });
  }

  async listRevocations(): Promise<Revocation[]> {
    return (await this.#query(`SELECT ${revocationColumns} FROM revocations`, [])).map(revocationOf);
  }

  async findRevocations(names: readonly string[]): Promise<Revocation[]> {
    const kinds = names.map((name) => name.slice(0, name.indexOf(':')));
    const ids = names.map((name) => name.slice(name.indexOf(':') + 1));
    const text = `SELECT ${revocationColumns} FROM revocations
      WHERE (kind, id) IN (SELECT * FROM unnest($1::text[], $2::text[]))`;
    return (await this.#query(text, [kinds, ids])).map(revocationOf);
  }

  revoke(revocation: Revocation, max: number): Promise<boolean> {
    return this.#change('revocation', async (query) => {
      const text = 'SELECT count(*) FROM revocations WHERE (kind, id) <> ($1, $2)';
      const [row] = await query(text, [revocation.kind, revocation.id]);
      if (numberOf(row?.[0]) >= max) return { result: false };
      return { result: true, changed: await putRevocation(query, revocation) };
    });
  }

  async addRefreshToken(token: RefreshToken): Promise<void> {
    await this.#transact((query) => putToken(query, token));
  }

  rotate({ id, hash, now, graceMs, next, accessEndsAt }: Rotation): Promise<Rotated> {
    return this.#change<Rotated>('revocation', async (query) => {
      const [row] = await query(`SELECT ${tokenColumns} FROM refresh_tokens WHERE id = $1 FOR UPDATE`, [id]);
      const token = tokenOf(row);
      if (token?.hash !== hash || token.expiresAt <= now) return { result: { kind: 'unknown' } };
      const { accountId, familyId, usedAt } = token;
      if (usedAt !== undefined && now - usedAt > graceMs) {
        await query('DELETE FROM refresh_tokens WHERE family_id = $1', [familyId]);
        const revocation = { kind: 'family', id: familyId, at: now, expiresAt: accessEndsAt } as const;
        return { result: { kind: 'reused', accountId, familyId }, changed: await putRevocation(query, revocation) };
      }
      await query('UPDATE refresh_tokens SET used_at = $2 WHERE id = $1', [id, usedAt ?? now]);
      await putToken(query, { ...next, familyId, accountId, createdAt: now, usedAt: undefined });
      return { result: { kind: 'rotated', accountId, familyId } };
    });
  }

  endFamily(
    id: string,
    hash: string,
    at: number,
    accessEndsAt: number,
  ): Promise<Omit<RefreshToken, 'hash'> | undefined> {
    return this.#change('revocation', async (query) => {
      const [row] = await query(`SELECT ${tokenColumns} FROM refresh_tokens WHERE id = $1 FOR UPDATE`, [id]);
      const token = tokenOf(row);
      if (token?.hash !== hash) return { result: undefined };
      await query('DELETE FROM refresh_tokens WHERE family_id = $1', [token.familyId]);
      const revocation = { kind: 'family', id: token.familyId, at, expiresAt: accessEndsAt } as const;
      return { result: token, changed: await putRevocation(query, revocation) };
    });
  }

  async removeRefreshTokens(accountId: string): Promise<void> {
    await this.#query('DELETE FROM refresh_tokens WHERE user_id = $1', [accountId]);
  }

  async changesSince(number: number): Promise<Changes> {
    // In one statement: a change that came between two would look like one that is not listed any more.
    const rows = await this.#query(
      `SELECT last, number, kind, id
      FROM auth_change_count LEFT JOIN auth_changes ON number > $1 ORDER BY number`,
      [number],
    );
    const last = numberOf(rows[0]?.[0]);
    const changes = rows
      .filter(([, of]) => of !== null)
      .map(([, of, kind, id]) => ({ number: numberOf(of), kind: kind as Change['kind'], id: String(id) }));
    return { changes, last, isComplete: changes.length === last - number };
  }

  noteChange(kind: Change['kind'], id: string): Promise<void> {
    return this.#change(kind, () => Promise.resolve({ result: undefined, changed: id }));
  }

  async lastChange(): Promise<number> {
    const [row] = await this.#query('SELECT last FROM auth_change_count', []);
    return numberOf(row?.[0] ?? 0);
  }

  async addAudit(rows: readonly AuditRow[]): Promise<void> {
    await this.#query(
      `INSERT INTO audit_log (at, event, details)
      SELECT * FROM unnest($1::bigint[], $2::text[], $3::jsonb[])`,
      [rows.map(({ at }) => at), rows.map(({ event }) => event), rows.map(({ details }) => details)],
    );
  }

  async sweep(now: number, auditBefore: number): Promise<void> {
    await this.#query('DELETE FROM refresh_tokens WHERE expires_at <= $1', [now]);
    await this.#query('DELETE FROM revocations WHERE expires_at <= $1', [now]);
    await this.#query('DELETE FROM auth_changes WHERE at < $1', [now - changesKeptMs]);
    await this.#query('DELETE FROM audit_log WHERE at < $1', [auditBefore]);
  }

  close(): Promise<void> {
    return this.#connections.close();
  }

  #query(text: string, values: unknown[]): Promise<unknown[][]> {
    return this.#connections.use((connection) => connection.query({ name: '', text, values }));
  }

  /** Runs an action in a transaction, and lists what it has changed. */
  #change<Result>(
    kind: Change['kind'],
    action: (query: Query) => Promise<{ readonly result: Result; readonly changed?: string }>,
  ): Promise<Result> {
    return this.#transact(async (query) => {
      const { result, changed } = await action(query);
      if (changed === undefined) return result;
      const [row] = await query('UPDATE auth_change_count SET last = last + 1 RETURNING last', []);
      const values = [row?.[0], Date.now(), kind, changed];
      await query('INSERT INTO auth_changes (number, at, kind, id) VALUES ($1, $2, $3, $4)', values);
      return result;
    });
  }

  async #transact<Result>(action: (query: Query) => Promise<Result>): Promise<Result> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#connections.use((connection) => inTransaction(connection, action));
      } catch (error) {
        if (tries === maxTries || databaseError(error).remedy !== 'repeat') throw error;
      }
    }
  }
}

type Query = (text: string, values: unknown[]) => Promise<unknown[][]>;

/** When it fails, the connection is closed by who lent it, and the transaction ends with it. */
async function inTransaction<Result>(
  connection: Connection,
  action: (query: Query) => Promise<Result>,
): Promise<Result> {
  await connection.query('BEGIN');
  const result = await action((text, values) => connection.query({ name: '', text, values }));
  await connection.query('COMMIT');
  return result;
}

async function putRevocation(query: Query, { kind, id, at, expiresAt }: Revocation): Promise<string> {
  await query(
    `INSERT INTO revocations (kind, id, at, expires_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (kind, id) DO UPDATE SET at = excluded.at, expires_at = excluded.expires_at`,
    [kind, id, at, expiresAt ?? null],
  );
  return `${kind}:${id}`;
}

async function putToken(query: Query, token: RefreshToken): Promise<void> {
  const { id, familyId, accountId, hash, createdAt, expiresAt } = token;
  await query(
    `DELETE FROM refresh_tokens WHERE id IN (
      SELECT id FROM refresh_tokens WHERE user_id = $1 ORDER BY created_at DESC OFFSET ${maxRefreshTokens - 1}
    )`,
    [accountId],
  );
  await query(
    'INSERT INTO refresh_tokens (id, family_id, user_id, hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)',
    [id, familyId, accountId, hash, createdAt, expiresAt],
  );
}
