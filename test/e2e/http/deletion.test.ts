/** Deletion, restoration and erasure of documents by HTTP, and what clients see of them. */
import { test } from 'tap';
import { Backend } from '../../support/nodes/backend.js';
import type { Incoming } from '../../support/clients/client.js';
import { cluster } from '../../support/nodes/cluster.js';
import { EventClient } from '../../support/network/event-source.js';
import { client, secret, server, token } from '../../support/nodes/fixture.js';
import { until } from '../../support/nodes/server.js';
import { durableStorages, storageEnv } from '../../support/parts/storages.js';
import { TextReplica } from '../../support/clients/text-replica.js';

const ann = { token: token('ann', { read: ['*'], write: ['*'] }) };
const codeOf = (message: Incoming) => (message['details'] as { code?: string; documentId?: string } | undefined)?.code;
const isDeletion = (message: Incoming) => message.type === 'error' && codeOf(message) === 'DOCUMENT_DELETED';

function text(content: string) {
  const replica = new TextReplica('ann');
  replica.insert(0, content);
  return { deltas: [{ type: 'text-state', state: replica.state(), clientId: 'ann', clock: 1 }] };
}

for (const kind of durableStorages) {
  test(`DEL1 a document is deleted and comes back whole (${kind})`, async (t) => {
    const to = await server(t, { JWT_SECRET: secret, ...(await storageEnv(t, kind)) });
    const backend = new Backend(to);
    t.equal(await backend.status('DELETE', '/documents/d'), '404 DOCUMENT_NOT_FOUND');
    t.equal(await backend.status('PATCH', '/documents/d', { a: 1 }), '204');
    t.equal(await backend.status('POST', '/documents/d/deltas', text('hello')), '204');
    await backend.status('PATCH', '/documents/other', { b: 1 });
    const snapshot = (await (await backend.ask('POST', '/snapshots/d')).json()) as { id: string };
    const snapshots = ['/snapshots/d', '/snapshots/d/latest', `/snapshots/id/${snapshot.id}`];

    const binary = await client(t, to, ann);
    const json = await client(t, to, { ...ann, encoding: 'json' });
    await Promise.all([binary.subscribe('d'), json.subscribe('d'), binary.subscribe('other')]);
    const stream = await EventClient.open(`${to.http}/documents/d/events?token=${ann.token}`);
    t.teardown(() => stream.close());
    await stream.expect('the state', ({ event }) => event === 'state');

    t.equal(await backend.status('DELETE', '/documents/d'), '204');
    await Promise.all([binary.expect('the end', isDeletion), json.expect('the end', isDeletion)]);
    t.match(binary.messages.find(isDeletion), { error: 'Document deleted', details: { documentId: 'd' } });
    const last = await stream.expect('the end', ({ event }) => event === 'error');
    t.match(last.data, { details: { code: 'DOCUMENT_DELETED' } });
    await until('the stream to end', () => stream.isEnded);

    t.equal(await backend.status('DELETE', '/documents/d'), '204', 'once more');
    for (const path of ['/documents/d', '/documents/d/text', '/documents/d/events', ...snapshots]) {
      t.equal(await backend.status('GET', path), '404 DOCUMENT_DELETED', path);
    }
    t.equal(await backend.status('PATCH', '/documents/d', { a: 2 }), '404 DOCUMENT_DELETED');
    t.equal(codeOf(await binary.refused(binary.set('d', 'a', 3))), 'DOCUMENT_DELETED');
    t.equal(codeOf(await json.refused(json.send('subscribe', { documentId: 'd' }))), 'DOCUMENT_DELETED');
    t.strictSame(await backend.ids(), ['other']);
    t.match(await backend.page({ deleted: 'true' }), { documents: [{ id: 'd', deleted: /Z$/ }], next: null });

    t.equal(await backend.status('POST', '/documents/d/restore'), '204');
    t.strictSame(await backend.fields('d'), { a: 1 });
    for (const path of snapshots) t.equal((await backend.ask('GET', path)).status, 200, path);
    t.equal(await (await backend.ask('GET', '/documents/d/text')).text(), 'hello');
    const came = json.messages.length;
    await binary.acked(binary.set('d', 'later', 1));
    await binary.acked(binary.set('other', 'b', 2));
    await json.roundTrip();
    t.strictSame(
      json.messages.slice(came).filter(({ type }) => type !== 'pong'),
      [],
      'it is not subscribed any more',
    );
    t.match((await json.subscribe('d'))['state'], { a: 1, later: 1 });
    t.equal(binary.messages.filter(isDeletion).length, 2, 'told once, and by the refused write');
    t.equal(await backend.status('POST', '/documents/d/restore'), '204', 'it is there');
    t.equal(await backend.status('POST', '/documents/no/restore'), '404 DOCUMENT_NOT_FOUND');
    t.match(
      to.log.filter((line) => line['audit'] === true).map(({ event, target, actor }) => ({ event, target, actor })),
      [
        { event: 'snapshot_created', target: 'd', actor: 'root' },
        { event: 'document_deleted', target: 'd', actor: 'root' },
        { event: 'document_deleted', target: 'd', actor: 'root' },
        { event: 'document_restored', target: 'd', actor: 'root' },
        { event: 'document_restored', target: 'd', actor: 'root' },
      ],
    );
  });

  test(`DEL2 an erased document stays erased for who was away (${kind})`, async (t) => {
    const env = { JWT_SECRET: secret, ...(await storageEnv(t, kind)) };
    const to = await server(t, env);
    const backend = new Backend(to);
    const late = await client(t, to, ann);
    await late.acked(late.set('d', 'a', 'from before', { timestamp: Date.now(), clock: { ann: 1 } }));
    const offline = Date.now();
    await backend.status('POST', '/documents/d/deltas', text('a secret'));
    const state = await late.subscribe('d');
    await late.close();
    await until('a later millisecond', () => Date.now() > offline + 1);
    t.equal(await backend.status('DELETE', '/documents/d?hard=true'), '204');
    t.equal(await backend.status('GET', '/documents/d'), '404 DOCUMENT_NOT_FOUND');
    t.equal(await backend.status('POST', '/documents/d/restore'), '204', 'there is nothing to restore');

    const back = await client(t, to, ann);
    const write = { timestamp: offline, clock: { ann: 2 }, clientId: 'ann' };
    await back.acked(back.set('d', 'a', 'from before', write));
    await back.acked(back.set('d', 'b', 'written offline', write));
    t.equal(
      codeOf(await back.refused(back.send('delta_batch', { documentId: 'd', ...text('a secret') }))),
      'TEXT_ERASED',
    );
    const id = back.send('sync_request', {
      documentId: 'd',
      vectorClock: state['clock'] ?? state['vectorClock'] ?? {},
    });
    const answer = await back.expect('the state', (m) => m.type === 'sync_response' && m['requestId'] === id);
    t.strictSame([answer['state'], answer['textState']], [{}, undefined]);
    t.equal(await backend.status('GET', '/documents/d'), '404 DOCUMENT_NOT_FOUND');
    t.equal(await backend.status('PATCH', '/documents/d', { fresh: 1 }), '204');
    t.equal(await backend.status('POST', '/documents/d/deltas', text('a secret')), '409 TEXT_ERASED');
    await to.kill('SIGKILL');
    const again = new Backend(await server(t, env));
    t.strictSame(await again.fields('d'), { fresh: 1 }, 'newer writes begin it anew');
  });

  test(`DEL1 what was answered is durable (${kind})`, async (t) => {
    const env = { JWT_SECRET: secret, ...(await storageEnv(t, kind)) };
    const answered = new Set<string>();
    const ids = Array.from({ length: 40 }, (_, i) => `d${i}`);
    const to = await server(t, env);
    const backend = new Backend(to);
    for (const id of ids) await backend.status('PATCH', `/documents/${id}`, { a: 1 });
    const deletions = ids.map(async (id, i) => {
      const path = `/documents/${id}${i % 2 === 0 ? '?hard=true' : ''}`;
      const status = await backend.status('DELETE', path).catch(() => 'cut off');
      if (status === '204') answered.add(id);
    });
    await until('some to be answered', () => answered.size > 3);
    await to.kill('SIGKILL');
    await Promise.all(deletions);
    const again = new Backend(await server(t, env));
    for (const id of ids) {
      const found = await again.status('GET', `/documents/${id}`);
      if (answered.has(id)) t.match(found, /^404/, `${id} was answered`);
      // The rest is one or the other, and can be repeated.
      t.match(await again.status('DELETE', `/documents/${id}?hard=true`), '204');
      t.match(await again.status('GET', `/documents/${id}`), /^404/);
    }
  });
}

test('DEL3 all nodes end the subscriptions to a deleted document, also of a publish that was lost', async (t) => {
  const { nodes, redis } = await cluster(t, { JWT_SECRET: secret, CLUSTER_COMPARE_INTERVAL: '1000' });
  const [one, two] = [new Backend(nodes[0]), new Backend(nodes[1])];
  await one.status('PATCH', '/documents/d', { a: 1 });
  await one.status('PATCH', '/documents/e', { a: 1 });
  t.strictSame([await two.fields('d'), await two.fields('e')], [{ a: 1 }, { a: 1 }], 'both in memory there');
  const reader = await client(t, nodes[1], ann);
  await reader.subscribe('d');
  t.equal(await one.status('DELETE', '/documents/d'), '204');
  await reader.expect('the end', isDeletion);
  t.equal(await two.status('GET', '/documents/d'), '404 DOCUMENT_DELETED');
  t.equal(await one.status('DELETE', '/documents/e'), '204');
  t.equal(await two.status('PATCH', '/documents/e', { a: 2 }), '404 DOCUMENT_DELETED', 'without subscribers too');
  t.equal(await two.status('POST', '/documents/d/restore'), '204');
  t.strictSame(await one.fields('d'), { a: 1 });

  const again = await client(t, nodes[1], ann);
  await again.subscribe('d');
  await redis.stop();
  t.equal(await one.status('DELETE', '/documents/d?hard=true'), '204');
  await again.expect('the end', isDeletion);
  t.equal(await two.status('GET', '/documents/d'), '404 DOCUMENT_NOT_FOUND');
});

test('DEL4 deleted documents are erased when their time is over', async (t) => {
  const env = { JWT_SECRET: secret, SYNCKIT_DELETED_DOCUMENT_RETENTION: '2s' };
  const to = await server(t, env);
  const backend = new Backend(to);
  for (const id of ['d', 'kept']) await backend.status('PATCH', `/documents/${id}`, { a: 1 });
  t.equal(await backend.status('POST', '/snapshots/d'), '200');
  await backend.status('DELETE', '/documents/d');
  await until('its end', async () => (await backend.page({ deleted: 'true' })).documents.length === 0);
  t.equal(await backend.status('POST', '/documents/d/restore'), '204');
  t.equal(await backend.status('GET', '/documents/d'), '404 DOCUMENT_NOT_FOUND', 'nothing comes back');
  t.strictSame(await backend.fields('kept'), { a: 1 });
  // Counted when its snapshots are gone too.
  await until('the erasure to be counted', async () =>
    (await (await backend.ask('GET', '/metrics')).text()).includes(
      'synckit_document_lifecycle_total{event="expired"} 1',
    ),
  );
  t.equal((await backend.ask('GET', '/snapshots/d/latest')).status, 404);
});

test('DEL5 only who may manage a document may delete or list it', async (t) => {
  const to = await server(t, { JWT_SECRET: secret });
  const root = new Backend(to);
  await root.status('PATCH', '/documents/d', { a: 1 });
  const writer = new Backend(to, ann.token);
  for (const [method, path] of [
    ['GET', '/documents'],
    ['DELETE', '/documents/d'],
    ['DELETE', '/documents/d?hard=true'],
    ['POST', '/documents/d/restore'],
  ] as const) {
    t.equal(await writer.status(method, path), '403 PERMISSION_DENIED', `${method} ${path}`);
    t.match(await new Backend(to, 'none').status(method, path), /^401/);
  }
  t.strictSame(await root.fields('d'), { a: 1 });
});
