/** What a route of administrators is given, and what all of them share. */
import { z } from 'zod';
import type { Accounts } from '../../auth/accounts/accounts.js';
import type { AuditDetails, AuditEvent } from '../../auth/audit.js';
import type { Answer } from '../answer.js';
import type { Asked } from '../auth/exchange.js';
import type { AdminDeps } from './ports.js';

/** What a route does on behalf of an administrator. */
export interface Work {
  readonly asked: Asked;
  readonly accounts: Accounts;
  /** What the path names after the collection. */
  readonly id: string;
  readonly audit: (event: AuditEvent, details: AuditDetails) => void;
  readonly node: AdminDeps;
}

export type AdminRoute = (work: Work) => Answer | Promise<Answer>;

/** By method in lower case and the path below `/admin/`, such as `get users/:id`. */
export type AdminRoutes = Readonly<Record<string, AdminRoute>>;

/** Most entries of a list. */
export const maxListed = 100;

/** A name, an email or a secret. */
export const text = z.string().min(1).max(10_000);

/** The `limit` of a query. */
export function limitOf({ query }: Pick<Asked, 'query'>): number {
  return Math.min(maxListed, Math.max(1, Number(query.get('limit') ?? maxListed) || maxListed));
}
