/** The bodies and answers of the routes about nodes and connections. */
import { z } from 'zod';
import { changeKinds } from '../../storage/changes/port.js';

const count = z.number().int().min(0);
const name = z.string().min(1).max(1_000);

export const drainBody = z.strictObject({
  node: name.optional().describe('The `id` of a node, as `GET /admin/nodes` has it. By default the node that answers.'),
});

export const disconnectBody = z.union([
  z.strictObject({ userId: name.describe('As `GET /admin/connections` names the user.') }),
  z.strictObject({ documentId: z.string().regex(/^[A-Za-z0-9_:-]{1,256}$/) }),
]);

export const retryBody = z.strictObject({
  documentId: z
    .string()
    .regex(/^[A-Za-z0-9_:-]{1,256}$/)
    .optional()
    .describe('The document whose event is tried again. By default all.'),
});

export const webhooksSchema = z.object({
  isDelivering: z
    .boolean()
    .describe('Whether the node that answers is the one that delivers; the others count nothing.'),
  isPaused: z.boolean().describe('Whether the receiver is left alone for a while, as it has not answered.'),
  pending: count.describe('Events that are not delivered yet.'),
  failing: count.describe('Those among them that have failed, and are tried again.'),
  oldest: z.iso.datetime().nullable().describe('When the oldest of them happened.'),
  dead: count.describe('Events that were given up and are kept.'),
  events: z
    .array(
      z.object({
        documentId: z.string(),
        kind: z.enum(changeKinds),
        commit: count,
        at: z.iso.datetime(),
        attempts: count,
        givenUp: z.iso.datetime(),
        reason: z.string(),
      }),
    )
    .describe('Those that were given up, by the ids of the documents.'),
  next: z.string().nullable().describe('What to give as `after` for those behind; `null` when there are none.'),
});

const activity = z.object({
  deliveries: count.describe('Frames to subscribers.'),
  acks: z
    .array(count)
    .describe('Acknowledged writes by the time of the ack: one count per entry of `ackBounds`, and the rest.'),
});

export const nodesSchema = z.object({
  isStale: z.boolean().describe('There is no recent list of nodes: only the one that answers is known.'),
  nodes: z.array(
    z.object({
      id: z.string(),
      run: z.string().describe('Names the process: another one after each start.'),
      self: z.boolean().describe('Whether it is the node that answers.'),
      state: z.enum(['running', 'draining']),
      version: z.string(),
      host: z.string(),
      port: count,
      pid: count,
      uptime: z.number().min(0).describe('In seconds.'),
      connections: count,
      users: count,
      clients: count.describe('Client ids that are bound to connections.'),
      documents: count.describe('In memory.'),
      activity: activity.nullable().describe('Since its start; null without metrics. Rates are differences.'),
    }),
  ),
  ackBounds: z.array(z.number()).describe('In seconds.'),
});

const totals = { node: z.string(), connections: count, users: count, clients: count };

export const connectionsSchema = z.union([
  z.object({
    ...totals,
    list: z.array(z.object({ user: z.string(), connections: count })).describe('Who connected first comes first.'),
    isComplete: z.boolean().describe('Whether there are no more users than those of the list.'),
  }),
  z.object({
    ...totals,
    user: z.string(),
    list: z.array(
      z.object({
        address: z.string(),
        kind: z.enum(['websocket', 'http']),
        encoding: z.enum(['binary', 'json']),
        subscriptions: count,
      }),
    ),
  }),
]);
