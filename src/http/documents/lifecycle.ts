/** The routes that list, delete and restore documents. */
import type { Answer } from '../answer.js';
import { noContent } from '../api/answers.js';
import type { Call, Route } from '../api/route.js';
import * as specs from './lifecycle-specs.js';

export const lifecycleRoutes: readonly Route[] = [
  { spec: specs.listDocuments, handle: list },
  { spec: specs.deleteDocument, handle: remove },
  { spec: specs.restoreDocument, handle: restore },
];

async function list({ client, query }: Call): Promise<Answer> {
  const asked = query as specs.ListQuery;
  const { documents, next } = await client.list({
    prefix: asked.prefix,
    after: asked.cursor ?? '',
    limit: specs.limitOf(asked),
    state: asked.deleted === 'true' ? 'deleted' : 'present',
  });
  const shown = documents.map(({ id, created, updated, deletedAt }) => ({
    id,
    created: timeOf(created),
    updated: timeOf(updated),
    ...(deletedAt === undefined ? {} : { deleted: timeOf(deletedAt) }),
  }));
  const body = { documents: shown, next: next === undefined ? null : specs.cursorOf(next) };
  return { status: '200 OK', headers: [['Cache-Control', 'no-store']], body };
}

async function remove({ client, parameters, query, requestId }: Call): Promise<Answer> {
  const kind = (query as specs.DeleteQuery).hard === 'true' ? 'erase' : 'delete';
  await client.end({ kind, documentId: parameters['id'] ?? '' }, requestId);
  return noContent;
}

async function restore({ client, parameters, requestId }: Call): Promise<Answer> {
  await client.end({ kind: 'restore', documentId: parameters['id'] ?? '' }, requestId);
  return noContent;
}

function timeOf(at: number): string {
  return new Date(at).toISOString();
}
