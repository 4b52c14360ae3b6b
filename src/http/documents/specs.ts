/** How the routes about single documents are asked and answered. */
import { z } from 'zod';
import type { AnswerSpec, RouteSpec } from '../api/route.js';
import { errorSchema } from '../api/route.js';

const tag = 'documents';
const etag = { ETag: 'Stands for the state of the document, on every node.' };

/** What may go wrong with any request about a document. */
export const refusals: Readonly<Record<string, AnswerSpec>> = {
  400: { description: 'The request is malformed.', schema: errorSchema },
  401: { description: 'Credentials are missing or do not count.', schema: errorSchema },
  403: { description: 'The sender may not do that with the document.', schema: errorSchema },
  429: { description: 'A limit is exceeded; `Retry-After` says when to try again.', schema: errorSchema },
  503: {
    description:
      'The storage, or whoever checks credentials, can’t be reached; or the server is starting or shutting down.',
    schema: errorSchema,
  },
};

export const erased: AnswerSpec = {
  description: 'The document was erased, and takes no text any more.',
  schema: errorSchema,
};
export const deleted: AnswerSpec = { description: 'The document is deleted.', schema: errorSchema };

const json = z.unknown().describe('Any JSON value.');

export const documentSchema = z.object({
  id: z.string(),
  fields: z.record(z.string(), json).describe('The fields, with the values as they were sent.'),
  hasText: z.boolean().describe('Whether the document has a collaborative text.'),
  clock: z
    .record(z.string(), z.number().int().min(0))
    .describe('A vector clock: what this state has seen. It may be sent as `vectorClock` in a `sync_request`.'),
  updated: z.iso.datetime().describe('About when the document was changed last.'),
});

const documentQuery = z.strictObject({
  fields: z
    .string()
    .min(1)
    .max(100_000)
    .transform((names) => names.split(','))
    .optional()
    .meta({ description: 'Names of the fields that are wanted, separated by commas.', example: 'title,done' }),
});
export type DocumentQuery = z.infer<typeof documentQuery>;

const ifMatch = z
  .string()
  .optional()
  .describe('Entity tags, one of which the document must have; `*` for any. Else 412.');
const ifNoneMatch = z.string().optional();
const writeHeaders = z.object({
  'if-match': ifMatch,
  'if-none-match': ifNoneMatch.describe('Entity tags, none of which it may have; `*`: it must not exist. Else 412.'),
  'idempotency-key': z
    .string()
    .max(256)
    .optional()
    .describe(
      'The same key with the same request gets the same answer, and writes once. Per node, and for a bounded time.',
    ),
  prefer: z.string().optional().describe('`return=representation` asks for the document as it is after the write.'),
});

const writeAnswers: RouteSpec['answers'] = {
  200: { description: 'Durable; the document as it is now (`Prefer`).', schema: documentSchema, headers: etag },
  204: { description: 'Durable.' },
  ...refusals,
  404: deleted,
  412: { description: 'The document is in another state than the conditions demand.', schema: errorSchema },
  413: { description: 'The body or the document is too large.', schema: errorSchema },
  415: { description: 'The body has another type.', schema: errorSchema },
  422: { description: 'A rule forbids what is written, or the key was used for another request.', schema: errorSchema },
};

/** For writes that know no `Prefer`. */
function omitRepresentation(answers: RouteSpec['answers']): RouteSpec['answers'] {
  return Object.fromEntries(Object.entries(answers).filter(([status]) => status !== '200'));
}

export const getDocument: RouteSpec = {
  ...{ method: 'get', path: '/documents/{id}', operation: 'getDocument', tag },
  summary: 'A document: its fields, its clock and when it was changed',
  description:
    'Needs the permission to read it. What is not durable yet is part of the answer, as for WebSocket clients.',
  query: documentQuery,
  headers: z.object({ 'if-none-match': ifNoneMatch.describe('Entity tags that the sender has; then 304.') }),
  answers: {
    200: { description: 'The document.', schema: documentSchema, headers: etag },
    304: { description: 'The sender has this state.', headers: etag },
    ...refusals,
    404: { description: 'Nothing was ever written to it.', schema: errorSchema },
  },
};

export const getText: RouteSpec = {
  ...{ method: 'get', path: '/documents/{id}/text', operation: 'getText', tag },
  summary: 'What the collaborative text of a document shows',
  headers: z.object({ 'if-none-match': ifNoneMatch.describe('Entity tags that the sender has; then 304.') }),
  answers: {
    200: {
      description: 'The text. Its tag is that of the whole document.',
      schema: z.string(),
      contentType: 'text/plain; charset=utf-8',
      headers: etag,
    },
    304: { description: 'The document is as the sender has it.', headers: etag },
    ...refusals,
    404: { description: 'The document has no text.', schema: errorSchema },
  },
};

export const patchDocument: RouteSpec = {
  ...{ method: 'patch', path: '/documents/{id}', operation: 'patchDocument', tag },
  summary: 'Sets and removes fields, all or none of them',
  description:
    'A JSON merge patch (RFC 7396) of the fields: a value sets the field of its name, `null` removes it. An object takes the place of the former value; it is not merged into it. The write goes the way of WebSocket writes: it is ordered, stored and sent to all who follow the document. The answer comes when it is durable. Needs the permission to write the document, and with `Prefer: return=representation` to read it.',
  headers: writeHeaders,
  body: {
    contentTypes: ['application/merge-patch+json', 'application/json'],
    schema: z.record(z.string().max(1024), json),
    description: 'Field names and values.',
  },
  answers: writeAnswers,
};

export const putText: RouteSpec = {
  ...{ method: 'put', path: '/documents/{id}/text', operation: 'putText', tag },
  summary: 'Replaces what the collaborative text of a document shows',
  description:
    'What the text and the content have in common stays; the rest becomes insertions and deletions by the server, so that what others type at the same time is merged with it. Who wants to change nothing but the state that he has read sends its tag in `If-Match`. The answer comes when it is durable. Needs the permission to write the document.',
  headers: writeHeaders.omit({ prefer: true }),
  body: {
    contentTypes: ['text/plain', 'application/json'],
    schema: z.strictObject({ content: z.string() }),
    schemas: { 'text/plain': z.string() },
    description: 'The content: as `text/plain` in UTF-8 just that, as `application/json` in an object.',
  },
  answers: { ...omitRepresentation(writeAnswers), 409: erased },
};

export const postDeltas: RouteSpec = {
  ...{ method: 'post', path: '/documents/{id}/deltas', operation: 'postDeltas', tag },
  summary: 'A batch of operations, as `delta_batch` has them',
  description:
    'For clients whose network drops large frames: the operations that they would send in a `delta_batch`, texts included. The answer comes when they are durable.',
  headers: writeHeaders,
  body: {
    contentTypes: ['application/json'],
    schema: z.object({
      deltas: z.array(
        z.looseObject({
          field: z.string().optional(),
          value: json.optional(),
          clock: z.union([z.record(z.string(), z.number()), z.number()]).optional(),
          clientId: z.string().optional(),
          timestamp: z.number().optional(),
          type: z.string().optional(),
        }),
      ),
    }),
    description: 'The operations; docs/protocol.md describes them.',
  },
  answers: { ...writeAnswers, 409: erased },
};

export const followDocument: RouteSpec = {
  ...{ method: 'get', path: '/documents/{id}/events', operation: 'followDocument', tag },
  summary: 'The document and its updates, as server-sent events',
  description:
    'For clients that can’t use a WebSocket, together with `PATCH`. The data of each event is a message of the protocol (docs/protocol.md) in JSON. Event `state` comes first: a `sync_response` with all there is, or, to a client that comes back with `Last-Event-ID`, the fields in `deltas` that it has missed; a `state` in it takes the place of everything. Event `update` is a `delta_batch`. Event `error` is the last one. The `id` of an event stands for everything up to it, on every node. A client that takes too little is disconnected, and resumes. Needs the permission to read the document; the stream ends with it.',
  query: z.strictObject({
    token: z.string().optional().describe('A token, for clients that can’t send headers, such as `EventSource`.'),
  }),
  headers: z.object({
    'last-event-id': z.string().optional().describe('The `id` of the last event that the client has received.'),
  }),
  answers: {
    200: { description: 'Events, without end.', schema: z.string(), contentType: 'text/event-stream' },
    ...refusals,
    404: deleted,
  },
};
