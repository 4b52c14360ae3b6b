/** How the routes about what documents were are asked and answered. */
import { z } from 'zod';
import type { HistoryPlace } from '../../storage/history/port.js';
import { errorSchema, type AnswerSpec, type RouteSpec } from '../api/route.js';
import { erased, refusals } from './specs.js';

const tag = 'history';
const maxLimit = 500;
const maxPauseSeconds = 86_400;
/** The last time that a date can be, in ms since the epoch. */
const lastMs = 8.64e15;

/** Where a list goes on; nobody but this server reads it. */
const cursor = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/)
  .transform((text) => Buffer.from(text, 'base64url').toString())
  .refine((text) => /^\d{1,16}\.\d{1,10}$/.test(text), 'it is not a cursor of this server')
  .transform((text): HistoryPlace => {
    const [commit, index] = text.split('.');
    return { commit: Number(commit), index: Number(index) };
  })
  // Storages number the entries of a commit in 4 bytes.
  .refine(({ commit, index }) => Number.isSafeInteger(commit) && index < 2 ** 31, 'it is not a cursor of this server');

export function cursorOf({ commit, index }: HistoryPlace): string {
  return Buffer.from(`${commit}.${index}`).toString('base64url');
}

const milliseconds = z.int().min(0).max(lastMs);
const iso = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));

/** A time in a path: in ISO 8601, or in ms since the epoch; in ms. */
export const timeSchema = z.union([
  z
    .string()
    .regex(/^\d{1,16}$/)
    .transform(Number)
    .pipe(milliseconds),
  iso,
]);

const user = z.string().min(1).max(256);
const field = z.string().max(1_024);
const wholeNumber = z
  .string()
  .regex(/^\d{1,6}$/)
  .transform(Number);

const activityQuery = z.strictObject({
  cursor: cursor.optional().meta({ description: '`next` of the page before.' }),
  limit: wholeNumber
    .pipe(z.number().min(1).max(maxLimit))
    .default(50)
    .meta({ description: `Groups at most, 1–${maxLimit}; 50 when it is missing.`, example: '50' }),
  pause: wholeNumber
    .pipe(z.number().max(maxPauseSeconds))
    .default(300)
    .meta({
      description: `Seconds between two changes of one author from which on they belong to different groups, up to ${maxPauseSeconds}; 300 when it is missing. With 0, each change is a group of its own.`,
      example: '300',
    }),
  user: user.optional().meta({ description: 'Only changes of this user.', example: 'ann' }),
  field: field.optional().meta({ description: 'Only changes of this field.', example: 'price' }),
});
export type ActivityQuery = z.infer<typeof activityQuery>;

/** What is to be taken back. */
export const rollbackSchema = z
  .strictObject({
    since: z.union([milliseconds, iso]).optional(),
    user: user.optional(),
    fields: z.array(field).min(1).max(10_000).optional(),
  })
  .refine(({ since, user }) => since !== undefined || user !== undefined, 'since or user must be given');

const time = z.iso.datetime();
const json = z.unknown().describe('Any JSON value.');
const keptSince = 'Since when all changes are kept; the beginning of 1970 for a document of which none is missing.';

const off: AnswerSpec = {
  description: 'There is no such document, it is deleted, or its history is not kept (`HISTORY_OFF`).',
  schema: errorSchema,
};
const gone: AnswerSpec = {
  description: 'The time lies before what is kept (`HISTORY_NOT_KEPT`).',
  schema: errorSchema,
};

export const getActivity: RouteSpec = {
  ...{ method: 'get', path: '/documents/{id}/activity', operation: 'getActivity', tag },
  summary: 'Who has changed a document, when, from what to what',
  description:
    'The newest first, in groups: what one author has done without a pause. Only documents under HISTORY_PREFIXES have a history. The work for a page is bounded: it may hold fewer groups than `limit`, or none, while `next` leads to older ones, and the last groups of a page may go on in the next one. What is not durable yet is not part of it. Needs the permission to read the document.',
  query: activityQuery,
  answers: {
    200: {
      description: 'A page.',
      schema: z.object({
        activity: z.array(
          z.object({
            user: z.string().nullable().describe('The id of the user; null for somebody who did not sign in.'),
            clients: z.array(z.string()).describe('What the clients call themselves that he has used.'),
            from: time.describe('When the first of the changes was stored.'),
            to: time.describe('When the last one was.'),
            changes: z.int().min(1),
            fields: z.array(
              z.object({
                field: z.string(),
                before: json.optional().describe('What it held before; missing if it was not there.'),
                after: json.optional().describe('What it held afterwards; missing if it was removed.'),
                changes: z.int().min(1),
              }),
            ),
            text: z
              .object({ changes: z.int().min(1), bytes: z.int().min(0) })
              .optional()
              .describe('Changes of the text, and how large they are.'),
          }),
        ),
        keptSince: time.nullable().describe(`${keptSince} Null where there is no history yet.`),
        next: z.string().nullable().describe('The `cursor` of the next page; null after the last one.'),
      }),
    },
    ...refusals,
    404: off,
  },
};

export const getPast: RouteSpec = {
  ...{ method: 'get', path: '/documents/{id}/at/{time}', operation: 'getPast', tag },
  summary: 'A document as it was at a time',
  description:
    'The time is in ISO 8601, such as `2026-11-28T14:30:00Z`, or in milliseconds since the epoch, by the clock of the storage. All that was durable at the end of that millisecond is in it: fields, and what the text showed. Needs the permission to read the document.',
  answers: {
    200: {
      description: 'The document.',
      schema: z.object({
        id: z.string(),
        fields: z.record(z.string(), json),
        text: z.string().optional().describe('What the collaborative text showed; missing if there was none.'),
        at: time,
        keptSince: time.describe(keptSince),
      }),
    },
    ...refusals,
    404: off,
    410: gone,
  },
};

export const rollbackDocument: RouteSpec = {
  ...{ method: 'post', path: '/documents/{id}/rollback', operation: 'rollbackDocument', tag },
  summary: 'Takes changes back',
  description:
    'What has changed since a time, or what one user has changed, or both; of all fields and the text, or of some fields. An ordinary write: it is ordered, stored, sent to all who follow the document, and part of the history itself. The answer comes when it is durable.\n\nOf one user’s changes, a field is taken back to what it held before those that nobody else has followed; a field that somebody else has changed since stays, and so does a text that others have written too. What changes while the rollback is being made stays as well. Needs the permission to write the document.',
  body: {
    contentTypes: ['application/json'],
    schema: rollbackSchema,
    description: '`since` (in ISO 8601 or ms since the epoch) or `user` or both, and `fields`.',
  },
  answers: {
    200: {
      description: 'Durable.',
      schema: z.object({
        changed: z.array(z.string()).describe('Fields that are as they were.'),
        kept: z.array(z.string()).describe('Fields that stay, as somebody else has changed them since.'),
        text: z
          .enum(['changed', 'kept', 'unchanged'])
          .describe('Whether the text is as it was; it stays when others have written it since.'),
      }),
    },
    ...refusals,
    404: off,
    409: erased,
    410: gone,
    413: { description: 'The document would be too large.', schema: errorSchema },
    415: { description: 'The body has another type.', schema: errorSchema },
    422: {
      description: 'Too much would be taken back (`HISTORY_TOO_LARGE`), or a rule forbids what is written.',
      schema: errorSchema,
    },
  },
};
