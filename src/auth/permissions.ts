/** What a user may do with which document: the `permissions` of a token, and their compiled form. */
import { z } from 'zod';

const documents = z.array(z.string()).readonly();

/** A missing list is empty and a missing flag is false: what is not granted is not allowed. */
export const permissionsSchema = z
  .object({
    /** Document ids; `*` grants all. */
    canRead: documents.default([]),
    canWrite: documents.default([]),
    canAdmin: documents.optional(),
    /** Grants everything on every document. */
    isAdmin: z.boolean().default(false),
  })
  .readonly();

/** The `permissions` claim of a token, and of `auth_success`. */
export type Permissions = z.infer<typeof permissionsSchema>;

export const noPermissions: Permissions = Object.freeze(permissionsSchema.parse({}));

/** Compiled permissions. Each test takes constant time. Permission to write does not include reading. */
export interface Access {
  mayRead(documentId: string): boolean;
  mayWrite(documentId: string): boolean;
  mayAdmin(documentId: string): boolean;
}

type Test = (documentId: string) => boolean;

const all: Test = () => true;
const none: Test = () => false;

/** To be called once per session, because every message is checked. */
export function compilePermissions(permissions: Permissions): Access {
  if (permissions.isAdmin) return { mayRead: all, mayWrite: all, mayAdmin: all };
  return {
    mayRead: test(permissions.canRead),
    mayWrite: test(permissions.canWrite),
    mayAdmin: test(permissions.canAdmin ?? []),
  };
}

function test(ids: readonly string[]): Test {
  if (ids.length === 0) return none;
  if (ids.includes('*')) return all;
  const allowed = new Set(ids);
  return (documentId) => allowed.has(documentId);
}
