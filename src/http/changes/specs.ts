/** How the route of the changes is asked and answered. */
import { z } from 'zod';
import { changeKinds, maxPageEntries } from '../../storage/changes/port.js';
import { errorSchema, type RouteSpec } from '../api/route.js';
import { refusals } from '../documents/specs.js';

/** The longest wait, in ms: less than proxies allow a request by default. */
export const maxWaitMs = 30_000;
const defaultLimit = 100;

const changesQuery = z.strictObject({
  cursor: z
    .string()
    .regex(/^[\w-]{1,200}$/)
    .optional()
    .describe('`cursor` of the answer before. Without it, all that is kept; `now`, only what is to come.'),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(maxPageEntries)
    .default(defaultLimit)
    .describe(`How many; by default ${defaultLimit}, at most ${maxPageEntries}.`),
  wait: z.coerce
    .number()
    .int()
    .min(0)
    .max(maxWaitMs)
    .default(0)
    .describe(`Where there is nothing new, the answer comes when there is, or after so many ms; at most ${maxWaitMs}.`),
  prefix: z
    .string()
    .regex(/^[\w:-]{0,256}$/)
    .default('')
    .describe('What the ids begin with.'),
});
export type ChangesQuery = z.infer<typeof changesQuery>;

export const changeSchema = z.object({
  documentId: z.string(),
  kind: z
    .enum(changeKinds)
    .describe('What became of the document by its last commit. `changed` may also be one that no client sees.'),
  commit: z.number().int().min(1).describe('Grows with each commit of the document.'),
  at: z.iso.datetime(),
});

export const getChanges: RouteSpec = {
  ...{ method: 'get', path: '/changes', operation: 'getChanges', tag: 'changes' },
  summary: 'The documents that have changed, since a cursor',
  description:
    'For systems that follow documents, such as a search index. Needs `CHANGES_FEED`. The feed holds one entry for each document, that of its last commit: a document that changes again moves to its end. A reader that goes on with `cursor` misses no document, and sees the commits of each in their order, though not each of them. Entries say nothing of the content. Cursors count on all nodes and over restarts.\n\nNeeds the permission to read: entries of documents that the sender may not read are left out. Where `ACCESS_URL` decides, only administrators may ask.',
  query: changesQuery,
  answers: {
    200: {
      description: 'The changes, in the order in which they became visible.',
      schema: z.object({
        changes: z.array(changeSchema),
        cursor: z.string().describe('What to send as `cursor` next, also when there are no changes.'),
        hasMore: z.boolean().describe('Whether there is more to be had at once.'),
      }),
    },
    ...refusals,
    404: { description: 'The feed is off.', schema: errorSchema },
    410: {
      description:
        'The cursor has expired: changes behind it may have been removed, or were not recorded. Ask for `cursor=now`, list all documents anew, and go on from there.',
      schema: errorSchema,
    },
  },
};
