/** What a user may do to which document: the `permissions` of a token, and their compiled form. */
import { z } from 'zod';

const documents = z.array(z.string()).readonly();

/** Absent lists are empty and an absent flag is false: what is not said is not allowed. */
export const permissionsSchema = z
  .object({
    /** Document ids; `*` stands for all. */
    canRead: documents.default([]),
    canWrite: documents.default([]),
    canAdmin: documents.optional(),
    /** Everything on every document. */
    isAdmin: z.boolean().default(false),
  })
  .readonly();

/** As tokens carry them and as clients are told. */
export type Permissions = z.infer<typeof permissionsSchema>;

export const noPermissions: Permissions = Object.freeze(permissionsSchema.parse({}));

/** Answers in constant time. Writing implies nothing about reading. */
export interface Access {
  mayRead(documentId: string): boolean;
  mayWrite(documentId: string): boolean;
  mayAdmin(documentId: string): boolean;
}

type Test = (documentId: string) => boolean;

const all: Test = () => true;
const none: Test = () => false;

/** Compiles permissions once per session, because every message asks. */
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
