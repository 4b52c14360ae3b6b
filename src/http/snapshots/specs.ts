/** How the routes about snapshots are asked and answered: in the shapes of the reference server. */
import { z } from 'zod';
import { errorSchema, type RouteSpec } from '../api/route.js';
import { deleted, erased, refusals } from '../documents/specs.js';

const tag = 'snapshots';

export const snapshotInfoSchema = z.object({
  id: z.string(),
  documentId: z.string(),
  version: z.record(z.string(), z.number().int().min(0)).describe('The vector clock of the document.'),
  sizeBytes: z.number().int().min(0).describe('Of the state.'),
  createdAt: z.iso.datetime(),
  compressed: z.literal(false),
});

export const snapshotSchema = snapshotInfoSchema.extend({
  state: z
    .object({
      id: z.string(),
      fields: z.record(z.string(), z.unknown()).describe('The fields, with the values as they were sent.'),
      text: z.string().optional().describe('What the collaborative text showed; missing if there was none.'),
    })
    .describe('What can be restored.'),
});

const done = z.object({ success: z.literal(true) });
const missing = { description: 'There is no such snapshot.', schema: errorSchema };

const listQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1_000).default(10).describe('How many; by default 10, at most 1000.'),
});
export type ListQuery = z.infer<typeof listQuery>;

export const createSnapshot: RouteSpec = {
  ...{ method: 'post', path: '/snapshots/{id}', operation: 'createSnapshot', tag },
  summary: 'Makes a snapshot of a document',
  description:
    'Of its fields, and of what its text shows. The answer comes when the snapshot is durable. Of those that were made so, the newest are kept: SYNCKIT_SNAPSHOT_KEEP. Needs the permission to write the document, or to administer it.',
  answers: {
    200: { description: 'The snapshot, without its state.', schema: snapshotInfoSchema },
    ...refusals,
    404: { description: 'Nothing was ever written to the document.', schema: errorSchema },
    507: { description: 'There is no room for it.', schema: errorSchema },
  },
};

export const listSnapshots: RouteSpec = {
  ...{ method: 'get', path: '/snapshots/{id}', operation: 'listSnapshots', tag },
  summary: 'The snapshots of a document, the last one first',
  description: 'Needs the permission to read the document.',
  query: listQuery,
  answers: {
    200: {
      description: 'The snapshots, without their states.',
      schema: z.object({ documentId: z.string(), count: z.number().int(), snapshots: z.array(snapshotInfoSchema) }),
    },
    ...refusals,
    404: deleted,
  },
};

export const latestSnapshot: RouteSpec = {
  ...{ method: 'get', path: '/snapshots/{id}/latest', operation: 'latestSnapshot', tag },
  summary: 'The last snapshot of a document',
  description: 'Needs the permission to read the document.',
  answers: {
    200: { description: 'The snapshot.', schema: snapshotSchema },
    ...refusals,
    404: { description: 'The document has no snapshot.', schema: errorSchema },
  },
};

export const getSnapshot: RouteSpec = {
  ...{ method: 'get', path: '/snapshots/id/{snapshotId}', operation: 'getSnapshot', tag },
  summary: 'A snapshot',
  description: 'Needs the permission to read the document.',
  answers: { 200: { description: 'The snapshot.', schema: snapshotSchema }, ...refusals, 404: missing },
};

export const removeSnapshot: RouteSpec = {
  ...{ method: 'delete', path: '/snapshots/id/{snapshotId}', operation: 'removeSnapshot', tag },
  summary: 'Removes a snapshot',
  description: 'Needs the permission to write the document, or to administer it.',
  answers: { 200: { description: 'It is removed.', schema: done }, ...refusals, 404: missing },
};

export const restoreSnapshot: RouteSpec = {
  ...{ method: 'post', path: '/snapshots/id/{snapshotId}/restore', operation: 'restoreSnapshot', tag },
  summary: 'Makes a document what a snapshot says',
  description:
    'An ordinary write: it is merged with what others write at the same time, and sent to all who follow the document. Fields that differ are set, those that were added since are removed, and the text is edited where it differs. The answer comes when it is durable. Needs the permission to write the document.',
  answers: {
    200: { description: 'Durable.', schema: done },
    ...refusals,
    404: missing,
    409: erased,
    413: { description: 'The document would be too large.', schema: errorSchema },
  },
};
