/** How the routes about nodes and connections are asked and answered, for the OpenAPI description. */
import { z } from 'zod';
import type { AnswerSpec, RouteSpec } from '../api/route.js';
import { connectionsSchema, disconnectBody, drainBody, nodesSchema, retryBody, webhooksSchema } from './schemas.js';

const tag = 'administration';
const error = z.object({ error: z.string() });
const refusals: Readonly<Record<string, AnswerSpec>> = {
  401: { description: 'Credentials are missing or do not count.', schema: error },
  403: { description: 'The sender is no administrator.', schema: error },
  503: { description: 'The storage of accounts can’t be reached, or the server is starting.', schema: error },
};
const bad: AnswerSpec = { description: 'The body is malformed.', schema: error };

export const getNodes: RouteSpec = {
  ...{ method: 'get', path: '/admin/nodes', operation: 'getNodes', tag },
  summary: 'The nodes of the cluster, as they last told of themselves (administrators)',
  answers: { 200: { description: 'The node that answers comes first.', schema: nodesSchema }, ...refusals },
};

export const getConnections: RouteSpec = {
  ...{ method: 'get', path: '/admin/connections', operation: 'getConnections', tag },
  summary: 'Who is connected to the node that answers (administrators)',
  description:
    'Users with the number of their connections, or the connections of one user. Clients without a user count by their address.',
  query: z.strictObject({
    user: z.string().optional().describe('A user, as the list names it: then its connections are listed.'),
    limit: z.string().optional().describe('Most entries of the list: 1 to 100, by default 100.'),
  }),
  answers: { 200: { description: 'Counts and a list.', schema: connectionsSchema }, ...refusals },
};

export const postDisconnect: RouteSpec = {
  ...{ method: 'post', path: '/admin/disconnect', operation: 'postDisconnect', tag },
  summary: 'Ends the connections of a user, or those that use a document (administrators)',
  description:
    'On all nodes that share the storage of accounts, each within `SYNCKIT_AUTH_POLL_MS`. They are sent the error `DISCONNECTED` and closed with 4001; streams of events end. Nothing is revoked: who still may connect can do so at once.',
  body: { contentTypes: ['application/json'], schema: disconnectBody, description: '`{userId}` or `{documentId}`.' },
  answers: {
    202: { description: 'It is being done.', schema: z.object({ success: z.literal(true) }) },
    400: bad,
    413: { description: 'The body is too large.', schema: error },
    ...refusals,
  },
};

export const postDrain: RouteSpec = {
  ...{ method: 'post', path: '/admin/drain', operation: 'postDrain', tag },
  summary: 'Drains a node, as SIGTERM does (administrators)',
  description:
    'It takes no new connections, makes everything durable, disconnects its clients with 1012 over `SHUTDOWN_DRAIN_MS`, and its process ends with code 0: a process manager that starts it again restarts it so.',
  body: {
    contentTypes: ['application/json'],
    schema: drainBody,
    description: '`{node}`, or `{}` for the one that answers.',
  },
  answers: {
    202: {
      description: 'It is draining, or will be in a moment.',
      schema: z.object({ node: z.string(), state: z.literal('draining') }),
    },
    400: bad,
    413: { description: 'The body is too large.', schema: error },
    404: { description: 'No such node is known.', schema: error },
    ...refusals,
  },
};

const noWebhook: AnswerSpec = { description: 'There is no webhook.', schema: error };

export const getWebhooks: RouteSpec = {
  ...{ method: 'get', path: '/admin/webhooks', operation: 'getWebhooks', tag },
  summary: 'Deliveries to the webhook, and the events that were given up (administrators)',
  query: z.strictObject({
    after: z.string().optional().describe('`next` of the page before.'),
    limit: z.string().optional().describe('Most entries of the list: 1 to 100, by default 100.'),
  }),
  answers: { 200: { description: 'Counts and a list.', schema: webhooksSchema }, 404: noWebhook, ...refusals },
};

export const postWebhooks: RouteSpec = {
  ...{ method: 'post', path: '/admin/webhooks', operation: 'postWebhooks', tag },
  summary: 'Lets events that were given up be tried again (administrators)',
  body: {
    contentTypes: ['application/json'],
    schema: retryBody,
    description: '`{documentId}`, or `{}` for all.',
  },
  answers: {
    202: { description: 'They will be tried in a moment.', schema: z.object({ retried: z.number().int() }) },
    400: bad,
    413: { description: 'The body is too large.', schema: error },
    404: noWebhook,
    ...refusals,
  },
};

export const adminSpecs: readonly RouteSpec[] = [
  getNodes,
  getConnections,
  postDisconnect,
  postDrain,
  getWebhooks,
  postWebhooks,
];
