/** How the routes that list, delete and restore documents are asked and answered. */
import { z } from 'zod';
import { maxListLimit } from '../../storage/lifecycle/port.js';
import { errorSchema, type RouteSpec } from '../api/route.js';
import { refusals } from './specs.js';

const tag = 'documents';
const defaultLimit = 100;
const flag = z.enum(['true', 'false']).default('false');

/** Where a list goes on; nobody but this server reads it. */
const cursor = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,400}$/)
  .transform((text) => Buffer.from(text, 'base64url').toString())
  .refine((id) => /^[\w:+-]{1,256}$/.test(id), 'it is not a cursor of this server');

export function cursorOf(documentId: string): string {
  return Buffer.from(documentId).toString('base64url');
}

const listQuery = z.strictObject({
  prefix: z
    .string()
    .regex(/^[\w:-]{0,256}$/)
    .default('')
    .meta({ description: 'What the ids begin with.', example: 'team-1:' }),
  cursor: cursor.optional().meta({ description: '`next` of the page before.' }),
  limit: z
    .string()
    .regex(/^[1-9]\d{0,3}$/)
    .transform(Number)
    .refine((limit) => limit <= maxListLimit, `at most ${maxListLimit}`)
    .optional()
    .meta({ description: `Documents at most, 1–${maxListLimit}; ${defaultLimit} when it is missing.`, example: '100' }),
  deleted: flag.meta({ description: '`true`: those that are deleted, instead of those that are there.' }),
});
export type ListQuery = z.infer<typeof listQuery>;

export function limitOf({ limit = defaultLimit }: ListQuery): number {
  return limit;
}

const deleteQuery = z.strictObject({
  hard: flag.meta({ description: '`true`: the document is erased for good, and can’t be restored.' }),
});
export type DeleteQuery = z.infer<typeof deleteQuery>;

const time = z.iso.datetime();

export const listDocuments: RouteSpec = {
  ...{ method: 'get', path: '/documents', operation: 'listDocuments', tag },
  summary: 'The stored documents, in the order of their ids',
  description:
    'Those that the sender may manage: an administrator, or whoever has documents in `canAdmin`. A page may hold fewer documents than `limit`, or none, while `next` leads to more: the work for one page is bounded. Documents that come or go meanwhile do not make others be left out or come twice.',
  query: listQuery,
  answers: {
    200: {
      description: 'A page.',
      schema: z.object({
        documents: z.array(
          z.object({
            id: z.string(),
            created: time.describe('When it was first written.'),
            updated: time.describe('When it was last written.'),
            deleted: time.optional().describe('Since when it is deleted.'),
          }),
        ),
        next: z.string().nullable().describe('The `cursor` of the next page; null after the last one.'),
      }),
    },
    ...refusals,
  },
};

const missing = { description: 'There is no such document.', schema: errorSchema };

export const deleteDocument: RouteSpec = {
  ...{ method: 'delete', path: '/documents/{id}', operation: 'deleteDocument', tag },
  summary: 'Deletes a document, or erases it for good',
  description:
    'Needs the permission to manage the document (`canAdmin`, or an administrator). Who is subscribed to it gets the error `DOCUMENT_DELETED` once and no updates any more, on every node; streams of events end with it; all that is asked of the document afterwards gets it too. What it holds is kept for SYNCKIT_DELETED_DOCUMENT_RETENTION and can be restored, then it is erased.\n\nWith `hard=true` it is erased at once: its fields, removed ones included, its text and its snapshots. A marker without content is left, so that nobody who was away can bring it back: fields are taken again from writers whose clock is later than the erasure, or who have seen the document after it; a text never again (`TEXT_ERASED`). Backups are not changed. docs/operations/erasure.md says what becomes of the bytes on disk.',
  query: deleteQuery,
  answers: {
    204: { description: 'Durable.' },
    ...refusals,
    404: missing,
  },
};

export const restoreDocument: RouteSpec = {
  ...{ method: 'post', path: '/documents/{id}/restore', operation: 'restoreDocument', tag },
  summary: 'Takes the deletion of a document back',
  description:
    'Needs the permission to manage the document. It is as it was, with its text; clients subscribe anew. One that is not deleted stays as it is.',
  answers: {
    204: { description: 'Durable.' },
    ...refusals,
    404: { description: 'There is no such document, or it is being erased.', schema: errorSchema },
  },
};
