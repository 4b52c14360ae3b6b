/** Accounts, keys and refresh tokens as rows. */
import type { Account, ApiKey, RefreshToken, Revocation, StoredPermissions } from '../accounts/port.js';

type Row = readonly unknown[];

export const accountColumns = 'id, email, password_hash, disabled, permissions, created_at';

export function accountOf(row: Row | undefined): Account | undefined {
  if (row === undefined) return undefined;
  const [id, email, passwordHash, isDisabled, permissions, createdAt] = row;
  return {
    id: String(id),
    email: String(email),
    passwordHash: String(passwordHash),
    isDisabled: isDisabled === true,
    permissions: permissions as StoredPermissions,
    createdAt: numberOf(createdAt),
  };
}

export const keyColumns = 'id, name, hash, permissions, created_at, expires_at, revoked_at';

export function keyOf([id, name, hash, permissions, createdAt, expiresAt, revokedAt]: Row): ApiKey {
  return {
    id: String(id),
    name: String(name),
    hash: String(hash),
    permissions: permissions as StoredPermissions,
    createdAt: numberOf(createdAt),
    expiresAt: expiresAt === null ? undefined : numberOf(expiresAt),
    revokedAt: revokedAt === null ? undefined : numberOf(revokedAt),
  };
}

export const tokenColumns = 'id, family_id, user_id, hash, created_at, expires_at, used_at';

export function tokenOf(row: Row | undefined): RefreshToken | undefined {
  if (row === undefined) return undefined;
  const [id, familyId, accountId, hash, createdAt, expiresAt, usedAt] = row;
  return {
    id: String(id),
    familyId: String(familyId),
    accountId: String(accountId),
    hash: String(hash),
    createdAt: numberOf(createdAt),
    expiresAt: numberOf(expiresAt),
    usedAt: usedAt === null ? undefined : numberOf(usedAt),
  };
}

export const revocationColumns = 'kind, id, at, expires_at';

export function revocationOf([kind, id, at, expiresAt]: Row): Revocation {
  return {
    kind: kind as Revocation['kind'],
    id: String(id),
    at: numberOf(at),
    expiresAt: expiresAt === null ? undefined : numberOf(expiresAt),
  };
}

/** A `bigint`. */
export function numberOf(value: unknown): number {
  return Number(value);
}
