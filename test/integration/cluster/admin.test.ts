/** What administrators see and order, on one node and on two with Redis. */
import { test } from 'tap';
import { z } from 'zod';
import { connectionsSchema, nodesSchema } from '../../../src/http/admin/schemas.js';
import { ask } from '../../support/nodes/accounts.js';
import { cluster } from '../../support/nodes/cluster.js';
import { client, folder, secret, server, token } from '../../support/nodes/fixture.js';
import { EventClient } from '../../support/network/event-source.js';
import { until } from '../../support/nodes/server.js';

const bearer = (of: string) => ({ authorization: `Bearer ${of}` });
const admin = bearer(token('root', { admin: true }));
const everything = { read: ['*'], write: ['*'] };

const nodesOf = async (to: Parameters<typeof ask>[0]) =>
  z.strictObject(nodesSchema.shape).parse((await ask(to, 'GET /admin/nodes', undefined, admin)).body);

test('two nodes: each lists both, and an order to one is done by both', async (t) => {
  const { nodes } = await cluster(t, { JWT_SECRET: secret, SYNCKIT_AUTH_POLL_MS: '100' });
  const [one, two] = nodes;
  const clients = await Promise.all(nodes.map((node) => client(t, node, { token: token('ann', everything) })));
  const others = await Promise.all(nodes.map((node) => client(t, node, { token: token('bob', everything) })));
  for (const raw of [...clients, ...others]) await raw.subscribe('shared');
  await clients[0]!.acked(clients[0]!.set('shared', 'f', 1));

  await until('both to be listed with what they have done', async () => {
    const { isStale, nodes: listed } = await nodesOf(two);
    const acks = listed.flatMap(({ activity }) => activity?.acks ?? []).reduce((sum, count) => sum + count, 0);
    return (
      !isStale &&
      acks === 1 &&
      listed
        .map(({ id, connections }) => `${id} ${connections}`)
        .sort()
        .join() === 'one 2,two 2'
    );
  });
  t.match((await nodesOf(two)).nodes[0], { id: 'two', self: true, state: 'running', users: 2, documents: 1 });

  t.match(await ask(one, 'POST /admin/disconnect', { userId: 'ann' }, admin), { status: 202 });
  for (const raw of clients) {
    t.match(await raw.end(), { code: 4001, reason: 'Disconnected by an administrator' });
    t.match(raw.messages.at(-1), { type: 'error', details: { code: 'DISCONNECTED' } });
  }
  for (const raw of others) t.equal(raw.closed, undefined, 'others stay');
  const back = await client(t, one, { token: token('ann', everything) });
  await back.subscribe('elsewhere');

  t.match(await ask(two, 'POST /admin/disconnect', { documentId: 'shared' }, admin), { status: 202 });
  for (const raw of others) t.equal((await raw.end()).code, 4001);
  t.equal(back.closed, undefined, 'who does not use the document stays');

  t.match(await ask(one, 'POST /admin/drain', { node: 'nobody' }, admin), { status: 404 });
  t.match(await ask(one, 'POST /admin/drain', { node: 'two' }, admin), {
    status: 202,
    body: { node: 'two', state: 'draining' },
  });
  t.match(await two.ended, { code: 0 });
  t.ok(two.log.some(({ msg }) => msg === 'drained'));
  await until('it to be gone', async () => (await nodesOf(one)).nodes.map(({ id }) => id).join() === 'one');
  const audited = [...one.log, ...two.log].filter((line) => line['audit'] === true);
  for (const [event, target] of [
    ['disconnected', 'ann'],
    ['disconnected', 'shared'],
    ['drain_ordered', 'two'],
  ] as const) {
    t.equal(
      audited.filter((line) => line['event'] === event && line['target'] === target && line['actor'] === 'root').length,
      1,
      event,
    );
  }
});

test('one node: connections by user, and a drain as by SIGTERM', async (t) => {
  const to = await server(t, { SYNCKIT_DATA_DIR: await folder(t), JWT_SECRET: secret, SYNCKIT_AUTH_REQUIRED: 'false' });
  const path = 'GET /admin/connections';
  const raws = await Promise.all(
    ['ann', 'ann', 'bob'].map((user) => client(t, to, { token: token(user, everything), encoding: 'json' })),
  );
  raws.push(await client(t, to));
  for (const raw of raws) await raw.subscribe('doc');
  const stream = await EventClient.open(`${to.http}/documents/doc/events`, '', admin);
  t.teardown(() => stream.abort.abort());
  await until('the state', () => stream.events.length > 0);

  const listed = connectionsSchema.parse((await ask(to, path, undefined, admin)).body);
  t.match(listed, { connections: 4, users: 4, isComplete: true });
  const [anonymous] = listed.list.filter((entry) => 'user' in entry && entry.user.startsWith('anonymous'));
  t.match(anonymous, { user: 'anonymous 127.0.0.1', connections: 1 });
  t.match((await ask(to, `${path}?limit=1`, undefined, admin)).body, { list: { length: 1 }, isComplete: false });
  t.same((await ask(to, `${path}?user=ann`, undefined, admin)).body['list'], [
    { address: '127.0.0.1', kind: 'websocket', encoding: 'json', subscriptions: 1 },
    { address: '127.0.0.1', kind: 'websocket', encoding: 'json', subscriptions: 1 },
  ]);
  t.match((await ask(to, `${path}?user=root`, undefined, admin)).body, { list: [{ kind: 'http' }] });
  t.same((await ask(to, `${path}?user=nobody`, undefined, admin)).body['list'], []);

  await ask(to, 'POST /admin/disconnect', { userId: 'anonymous 127.0.0.1' }, admin);
  t.equal((await raws[3]!.end()).code, 4001);
  await ask(to, 'POST /admin/disconnect', { documentId: 'doc' }, admin);
  for (const raw of raws) t.equal((await raw.end()).code, 4001);
  await until('the end of the stream', () => stream.isEnded);
  t.match(stream.events.at(-1), { event: 'error', data: { details: { code: 'DISCONNECTED' } } });

  for (const body of [undefined, {}, { userId: '' }, { userId: 'a', documentId: 'b' }, { documentId: 'no id' }]) {
    t.match(await ask(to, 'POST /admin/disconnect', body, admin), { status: 400 });
  }
  for (const route of ['GET /admin/nodes', path, 'POST /admin/disconnect', 'POST /admin/drain']) {
    t.match(await ask(to, route, route.startsWith('GET') ? undefined : {}), { status: 401 }, route);
    t.match(
      await ask(to, route, route.startsWith('GET') ? undefined : {}, bearer(token('ann', everything))),
      { status: 403 },
      route,
    );
  }
  t.match(await ask(to, 'DELETE /admin/drain', undefined, admin), { status: 405 });

  const last = await client(t, to, { token: token('ann', everything) });
  t.match(await ask(to, 'POST /admin/drain', undefined, admin), { status: 202 });
  t.equal((await last.end()).code, 1012);
  t.match(await to.ended, { code: 0 });
});
