import { test } from 'tap';
import { client, secret, server, token } from '../support/nodes/fixture.js';
import { until } from '../support/nodes/server.js';

interface Health {
  readonly status: string;
  readonly uptime: number;
  readonly connections: Readonly<Record<string, number>>;
  readonly documents: {
    readonly totalDocuments: number;
    readonly documents: readonly { readonly id: string; readonly subscribers: number; readonly lastModified: number }[];
  };
}

test('/health counts sessions, users, clients, documents and subscribers', async (t) => {
  const to = await server(t, { JWT_SECRET: secret, DATABASE_URL: 'memory:' });
  const health = async () => (await (await fetch(`${to.http}/health`)).json()) as Health;
  t.match(await health(), {
    status: 'healthy',
    connections: { totalConnections: 0, totalUsers: 0, totalClients: 0 },
    documents: { totalDocuments: 0, documents: [] },
  });

  const everything = { read: ['*'], write: ['*'] };
  const ann = await client(t, to, { token: token('ann', everything) });
  const annAgain = await client(t, to, { token: token('ann', everything), encoding: 'json' });
  const bob = await client(t, to, { token: token('bob', everything) });
  await client(t, to);
  await Promise.all([ann.subscribe('a'), annAgain.subscribe('a'), bob.subscribe('a'), bob.subscribe('b')]);
  ann.send('awareness_update', { documentId: 'a', clientId: 'one', state: {}, clock: 1 });
  ann.send('awareness_update', { documentId: 'a', clientId: 'two', state: {}, clock: 1 });
  const since = Date.now();
  await ann.acked(ann.set('a', 'f', 1));
  await bob.acked(bob.set('b', 'f', 1));

  const full = await health();
  t.same(full.connections, { totalConnections: 4, totalUsers: 2, totalClients: 2 });
  t.equal(full.documents.totalDocuments, 2);
  const documents = [...full.documents.documents].sort((x, y) => (x.id < y.id ? -1 : 1));
  t.match(documents, [
    { id: 'a', subscribers: 3 },
    { id: 'b', subscribers: 1 },
  ]);
  for (const { lastModified } of documents) t.ok(lastModified >= since && lastModified <= Date.now());

  await bob.close();
  annAgain.send('unsubscribe', { documentId: 'a' });
  await annAgain.close();
  await until('the counts to fall', async () => (await health()).connections['totalConnections'] === 2);
  const fewer = await health();
  t.same(fewer.connections, { totalConnections: 2, totalUsers: 1, totalClients: 2 });
  t.match(fewer.documents.documents, [{ id: 'a', subscribers: 1 }]);
});
