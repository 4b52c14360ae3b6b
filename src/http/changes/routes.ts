/** The route of the changes. */
import type { Route } from '../api/route.js';
import type { ChangesPort } from './ports.js';
import { getChanges, type ChangesQuery } from './specs.js';

export function changesRoutes(changes: ChangesPort): readonly Route[] {
  return [
    {
      spec: getChanges,
      handle: async ({ client, query }) => {
        const { cursor: after, limit, wait: waitMs, prefix } = query as ChangesQuery;
        client.charge();
        const maySee = (): ((documentId: string) => boolean) => {
          const mayRead = client.mayFollowAll();
          return (documentId) => documentId.startsWith(prefix) && mayRead(documentId);
        };
        // Before anything is looked up for who may see nothing.
        maySee();
        const { entries, cursor, hasMore } = await changes.read({ after, limit, waitMs, maySee });
        const shown = entries.map(({ documentId, kind, commit, at }) => ({
          ...{ documentId, kind, commit },
          at: new Date(at).toISOString(),
        }));
        const body = { changes: shown, cursor, hasMore };
        return { status: '200 OK', headers: [['Cache-Control', 'no-store']], body };
      },
    },
  ];
}
