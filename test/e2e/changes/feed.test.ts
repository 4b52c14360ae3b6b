/** The feed of changes by HTTP: what it tells, to whom, and that a cursor counts over restarts and nodes. */
import { test } from 'tap';
import { Backend } from '../../support/nodes/backend.js';
import { ChangesReader, inWords, readChanges } from '../../support/nodes/changes-reader.js';
import { cluster } from '../../support/nodes/cluster.js';
import { folder, secret, server, token } from '../../support/nodes/fixture.js';
import { until } from '../../support/nodes/server.js';
import { database, useOwnServer } from '../../support/postgres/postgres.js';

useOwnServer();

const on = { JWT_SECRET: secret, CHANGES_FEED: 'true' };
const storages = {
  embedded: async (t: Parameters<typeof folder>[0]) => ({ SYNCKIT_DATA_DIR: await folder(t) }),
  postgres: async (t: Parameters<typeof folder>[0]) => ({ DATABASE_URL: (await database(t)).url }),
  memory: async () => Promise.resolve({ DATABASE_URL: 'memory:', SHARDS: '2' }),
};

for (const [kind, storage] of Object.entries(storages)) {
  test(`what is written, deleted, restored and erased is in the feed (${kind})`, async (t) => {
    const to = await server(t, { ...on, ...(await storage(t)) });
    const backend = new Backend(to);
    const start = (await readChanges(to, { cursor: 'now' })).cursor;
    for (const id of ['a', 'b', 'team:c']) await backend.ask('PATCH', `/documents/${id}`, { title: id });
    await until('all changes', async () => (await readChanges(to)).changes.length === 3);
    t.strictSame(inWords(await readChanges(to)).sort(), ['a changed', 'b changed', 'team:c changed']);
    const first = await readChanges(to, { cursor: start, limit: 1 });
    t.equal(first.hasMore, true);
    t.equal((await readChanges(to, { cursor: first.cursor })).changes.length, 2);
    t.strictSame(inWords(await readChanges(to, { prefix: 'team:' })), ['team:c changed']);
    t.match(first.changes[0], { commit: 1, at: /^20\d\d-.*Z$/ });

    let { cursor } = await readChanges(to, { cursor: 'now' });
    for (const [method, path, told] of [
      ['DELETE', '/documents/a', 'a deleted'],
      ['POST', '/documents/a/restore', 'a restored'],
      ['DELETE', '/documents/a?hard=true', 'a erased'],
    ] as const) {
      t.equal(await backend.status(method, path), '204');
      const page = await readChanges(to, { cursor, wait: 20_000 });
      t.strictSame(inWords(page), [told]);
      ({ cursor } = page);
    }
    t.strictSame(
      (await readChanges(to)).changes.filter(({ documentId }) => documentId === 'a').map((change) => change.kind),
      ['erased'],
      'nothing else is left of it',
    );

    const waiting = readChanges(to, { cursor, wait: 20_000 });
    await backend.ask('PATCH', '/documents/late', { title: 1 });
    t.strictSame(inWords(await waiting), ['late changed'], 'who waits is answered');
    t.strictSame((await readChanges(to, { cursor: 'now', wait: 1 })).changes, []);

    const ending = readChanges(to, { cursor: (await waiting).cursor, wait: 30_000 });
    await until('the request to wait', async () => {
      return (await (await fetch(`${to.http}/metrics`)).text()).includes('\nsynckit_changes_waiting 1');
    });
    const stopped = to.kill('SIGTERM');
    t.strictSame((await ending).changes, [], 'a node that drains keeps nobody waiting');
    t.equal((await stopped).code, 0);
  });
}

test('who may read some documents sees their changes', async (t) => {
  const to = await server(t, on);
  const backend = new Backend(to);
  for (const id of ['a', 'team:b', 'c', 'team:d']) await backend.ask('PATCH', `/documents/${id}`, { title: id });
  const team = token('ann', { read: ['team:*'] });
  t.strictSame(inWords(await readChanges(to, {}, team)), ['team:b changed', 'team:d changed']);
  const page = await readChanges(to, { limit: 1 }, team);
  t.strictSame(inWords(page), ['team:b changed'], 'pages without any are passed over');
  await t.rejects(readChanges(to, {}, token('bob', { write: ['*'] })), /403 .*PERMISSION_DENIED/);
  await t.rejects(readChanges(to, {}, 'nobody'), /401/);
  await t.rejects(readChanges(to, { limit: 0 }), /400/);
});

test('without the feed there is none', async (t) => {
  const to = await server(t, { JWT_SECRET: secret });
  await t.rejects(readChanges(to), /404 .*CHANGES_FEED/);
});

test('a cursor counts after a kill, and expires when commits were not recorded', async (t) => {
  const env = { ...on, SYNCKIT_DATA_DIR: await folder(t) };
  const first = await server(t, env);
  await new Backend(first).ask('PATCH', '/documents/a', { n: 1 });
  const { cursor } = await readChanges(first);
  await new Backend(first).ask('PATCH', '/documents/b', { n: 1 });
  await first.kill('SIGKILL');
  const second = await server(t, env);
  t.strictSame(inWords(await readChanges(second, { cursor })), ['b changed']);
  await second.kill('SIGTERM');
  const off = await server(t, { ...env, CHANGES_FEED: 'false' });
  await off.kill('SIGTERM');
  const last = await server(t, env);
  await t.rejects(readChanges(last, { cursor }), /410 .*CURSOR_EXPIRED/);
  await t.rejects(readChanges(last, { cursor: 'made-up' }), /410 .*CURSOR_EXPIRED/);
});

test('a reader goes from node to node of a cluster, over a kill, and misses nothing', async (t) => {
  const { nodes, env } = await cluster(t, on);
  const reader = new ChangesReader();
  const written = new Set<string>();
  const state = { isDone: false };
  const write = async (node: (typeof nodes)[0], prefix: string): Promise<void> => {
    const backend = new Backend(node);
    for (let i = 0; i < 60; i++) {
      const id = `${prefix}${i % 15}`;
      // What was not answered when the node was killed may be there, or not.
      const status = await backend.status('PATCH', `/documents/${id}`, { n: i }).catch(() => 'killed');
      if (status === '204') written.add(id);
    }
  };
  const writing = Promise.all([write(nodes[0], 'shared'), write(nodes[1], 'shared'), write(nodes[0], 'own')]);
  void writing.finally(() => (state.isDone = true));
  for (let i = 0; !state.isDone; i++) {
    await reader.read(nodes[i % 2]!).catch((error: unknown) => {
      if (error instanceof Error && error.message.includes('goes from')) throw error;
    });
    if (i === 6) await nodes[0].kill('SIGKILL');
  }
  await writing;
  const third = await server(t, { ...env, SYNCKIT_NODE_ID: 'three' });
  const ids = await new Backend(third).ids();
  // An unfinished transaction of the node that was killed ends with its connection.
  await until('all documents', async () => {
    await reader.read(third);
    return reader.commits.size === ids.length;
  });
  t.strictSame([...reader.commits.keys()].sort(), [...ids].sort());
  for (const id of written) t.ok(reader.commits.has(id), id);
  const fresh = new ChangesReader();
  await fresh.read(third);
  t.strictSame([...fresh.commits].sort(), [...reader.commits].sort(), 'the last commit of each was seen');
});
