/** What a user may do with which document: the `permissions` of a token, and their compiled form. */
import { z } from 'zod';
import { compileDenials, compileList, isDenial, isPattern } from './patterns.js';

/** Most items of one list. */
const maxItems = 10_000;

/** A denial that could not be understood would allow what it was meant to forbid, so it makes the whole list invalid. */
const documents = z
  .array(z.string())
  .max(maxItems)
  .refine((items) => items.every((item) => !isDenial(item) || isPattern(item)))
  .readonly();

/** A missing list is empty and a missing flag is false: what is not granted is not allowed. */
export const permissionsSchema = z
  .object({
    /** Document ids, and beginnings of ids such as `team-1:*`; `*` grants all. With `!` in front, an item denies. */
    canRead: documents.default([]),
    canWrite: documents.default([]),
    /** Documents that may be managed: their snapshots and their deletion. */
    canAdmin: documents.optional(),
    /** Grants everything on every document, except what a list denies. */
    isAdmin: z.boolean().default(false),
  })
  .readonly();

/** The `permissions` claim of a token, and of `auth_success`. */
export type Permissions = z.infer<typeof permissionsSchema>;

export const noPermissions: Permissions = Object.freeze(permissionsSchema.parse({}));

/**
 * Compiled permissions. The time of a test does not depend on their number. Permission to write does not include
 * reading, and to administer neither.
 */
export interface Access {
  mayRead(documentId: string): boolean;
  mayWrite(documentId: string): boolean;
  mayAdmin(documentId: string): boolean;
  /** Where somebody else decides: resolves when it is known what may be done; undefined when that is no question. */
  prepare?(documentId: string): Promise<void> | undefined;
  /** After `prepare`: whether there is an answer. */
  isKnown?(documentId: string): boolean;
  /** The permissions of the user have changed. @returns What counts from then on. */
  renew?(permissions: Access): Access;
  /** It is used no more. */
  close?(): void;
}

/** To be called once per session, because every message is checked. Denials count before everything else. */
export function compilePermissions(permissions: Permissions): Access {
  const compile = permissions.isAdmin ? compileDenials : compileList;
  return {
    mayRead: compile(permissions.canRead),
    mayWrite: compile(permissions.canWrite),
    mayAdmin: compile(permissions.canAdmin ?? []),
  };
}
