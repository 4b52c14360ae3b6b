/** The application decides: a server that asks it, and an application that is slow, wrong and away. */
import { test, type Test } from 'tap';
import { ApplicationServer, type Question } from '../../support/nodes/application-server.js';
import { client, secret, server, token } from '../../support/nodes/fixture.js';
import type { ServerProcess } from '../../support/nodes/server.js';

const connects = { read: true };

async function start(
  t: Test,
  env: NodeJS.ProcessEnv = {},
): Promise<{ readonly app: ApplicationServer; readonly node: ServerProcess }> {
  const app = await new ApplicationServer().start();
  t.teardown(() => app.stop());
  const access = { ACCESS_URL: app.url, ACCESS_SECRET: app.secret };
  const node = await server(t, { JWT_SECRET: secret, DATABASE_URL: 'memory:', SHARDS: '1', ...access, ...env });
  return { app, node };
}

const allows =
  (rights: Record<string, object>, ttlMs = 60_000) =>
  ({ documentId }: Question): object => ({ ...(documentId === null ? connects : rights[documentId]), ttlMs });

test('what the application answers counts instead of the token, and is asked for once', async (t) => {
  const { app, node } = await start(t);
  app.decide = allows({ both: { read: true, write: true }, reads: { read: true }, writes: { write: true } });
  const all = token('ann', { read: ['*'], write: ['*'], admin: true });
  const [one, two] = [await client(t, node, { token: all }), await client(t, node, { encoding: 'json', token: all })];
  for (const raw of [one, two]) {
    // All at once: what waits is handled in order.
    const ids = [raw.set('both', 'f', 1), raw.set('both', 'f', 2), raw.set('writes', 'f', 1)];
    const refused = [
      raw.set('reads', 'f', 1),
      raw.set('none', 'f', 1),
      raw.send('subscribe', { documentId: 'writes' }),
    ];
    for (const id of ids) await raw.acked(id);
    for (const id of refused) t.match((await raw.refused(id)).details, { code: 'PERMISSION_DENIED' });
    t.same((await raw.subscribe('both'))['state'], { f: 2 });
    await raw.subscribe('reads');
    const data = Buffer.from(
      JSON.stringify({ type: 'delta', id: 'in', timestamp: 1, documentId: 'chunked', field: 'f', value: 1 }),
    );
    raw.send('delta_batch_chunk', { chunkId: 'c', totalChunks: 1, chunkIndex: 0, data: data.toString('base64') });
    t.match((await raw.refused('in')).details, { code: 'PERMISSION_DENIED' });
  }
  const asked = app.questions.map(({ documentId }) => String(documentId)).sort();
  t.same(asked, ['both', 'chunked', 'none', 'null', 'reads', 'writes'], 'once per user and document');
  t.match(app.questions[0], { userId: 'ann', documentId: null, address: '127.0.0.1', claims: { userId: 'ann' } });
  t.equal(app.unsigned, 0);
});

test('a new answer narrows what is subscribed, and a refusal to connect ends the connection', async (t) => {
  const { app, node } = await start(t);
  let rights: Record<string, object> = { a: { read: true, write: true }, b: { read: true } };
  app.decide = (question) => allows(rights, 200)(question);
  const raw = await client(t, node, { token: token('ann') });
  for (const documentId of ['a', 'b']) await raw.subscribe(documentId);
  rights = { a: { read: true } };
  await raw.expect('the loss of b', (m) => (m['details'] as { documentId?: string } | undefined)?.documentId === 'b');
  let code: unknown;
  while (code === undefined) {
    const id = raw.set('a', 'f', 1);
    const answer = await raw.expect('an answer', (m) =>
      [m['messageId'], (m['details'] as { messageId?: string } | undefined)?.messageId].includes(id),
    );
    code = (answer['details'] as { code?: string } | undefined)?.code;
  }
  t.equal(code, 'PERMISSION_DENIED', 'writing is not allowed any more');
  await raw.roundTrip();
  t.equal(raw.closed, undefined, 'it stays');
  app.decide = () => ({ read: false, write: false, admin: false, ttlMs: 200 });
  t.equal((await raw.end()).code, 4403);
  const again = await client(t, node, { token: token('ann') });
  t.equal((await again.end()).code, 4403);
  t.match(again.messages, [{ type: 'auth_error', details: { code: 'ACCESS_ENDED' } }]);
});

test('without required authentication, the application is asked about anonymous users', async (t) => {
  const { app, node } = await start(t, { SYNCKIT_AUTH_REQUIRED: 'false' });
  app.decide = allows({ public: { read: true } });
  const raw = await client(t, node);
  await raw.subscribe('public');
  t.match((await raw.refused(raw.set('public', 'f', 1))).details, { code: 'PERMISSION_DENIED' });
  t.match(app.questions[0], { userId: 'anonymous', claims: {} });
});

test('an application that is slow delays its own documents, and one that is wrong is no answer', async (t) => {
  const { app, node } = await start(t, { ACCESS_TIMEOUT_MS: '500' });
  app.decide = allows({ a: { read: true }, b: { read: true } });
  const [ann, bob] = [await client(t, node, { token: token('ann') }), await client(t, node, { token: token('bob') })];
  await ann.subscribe('a');
  await bob.subscribe('a');
  app.wait = () => new Promise(() => undefined);
  const slow = bob.send('subscribe', { documentId: 'b' });
  await ann.subscribe('a');
  t.equal(bob.received('error').length, 0, 'it still waits');
  t.match((await bob.refused(slow)).details, { code: 'AUTH_UNAVAILABLE' });
  t.equal(bob.closed, undefined);
  app.wait = () => Promise.resolve();
  for (const [i, answer] of [
    { status: 500, text: '{}' },
    { status: 200, text: 'nonsense' },
    { status: 200, text: '{"read":"yes"}' },
    { status: 302, text: '' },
  ].entries()) {
    app.decide = (question) => (question.documentId === `wrong-${i}` ? answer : { read: true });
    t.match((await ann.refused(ann.send('subscribe', { documentId: `wrong-${i}` }))).details, {
      code: 'AUTH_UNAVAILABLE',
    });
  }
  app.decide = () => ({ status: 403, text: '' });
  let details: Record<string, unknown> = {};
  for (let i = 0; details['code'] !== 'PERMISSION_DENIED'; i++) {
    ({ details } = await ann.refused(ann.send('subscribe', { documentId: `no-${i}` })));
  }
  t.equal(details['code'], 'PERMISSION_DENIED', '403 is an answer');
});

test('while the application is away, the configured answer counts', async (t) => {
  for (const whenAway of ['last', 'deny', 'token']) {
    const { app, node } = await start(t, { ACCESS_WHEN_AWAY: whenAway });
    app.decide = allows({ a: { read: true, write: true } }, 200);
    const raw = await client(t, node, { token: token('ann', { read: ['a', 'b'] }) });
    await raw.subscribe('a');
    const before = app.questions.length;
    while (app.questions.length < before + 2) await raw.roundTrip();
    await app.stop();
    if (whenAway === 'last') {
      for (let i = 0; i < 100; i++) await raw.acked(raw.set('a', 'f', i));
      t.equal(raw.closed, undefined, 'who was let in stays');
      t.match((await raw.refused(raw.set('b', 'f', 1))).details, { code: 'AUTH_UNAVAILABLE' });
      const other = await client(t, node, { token: token('bob', { read: ['*'] }) });
      t.equal((await other.end()).code, 1013, 'others come again later');
    } else if (whenAway === 'deny') {
      await raw.expect('the loss', (m) => (m['details'] as { documentId?: string } | undefined)?.documentId === 'a');
      t.match((await raw.refused(raw.set('a', 'f', 1))).details, { code: 'AUTH_UNAVAILABLE' });
    } else {
      const other = await client(t, node, { token: token('bob', { read: ['b'] }) });
      await other.subscribe('b');
      t.match((await other.refused(other.set('b', 'f', 1))).details, { code: 'PERMISSION_DENIED' });
    }
    if (whenAway !== 'last') continue;
    await app.start();
    let state;
    while (state === undefined) {
      const id = raw.send('subscribe', { documentId: 'a' });
      state = (await raw.expect('an answer', (m) => m['requestId'] === id))['state'];
    }
    t.ok(state);
  }
});

test('before it is known who somebody is, little may wait; afterwards more', async (t) => {
  const { app, node } = await start(t);
  const waiting: (() => void)[] = [];
  const release = (): void => waiting.splice(0).forEach((answer) => answer());
  app.wait = () => new Promise((resolve) => waiting.push(() => resolve(undefined)));
  app.decide = allows({ a: { read: true, write: true } });
  const raw = await client(t, node, { token: token('ann') });
  const text = 'x'.repeat(40_000);
  const ids = [1, 2, 3, 4, 5].map((i) => raw.set('a', `f${i}`, text));
  for (const id of ids.slice(3)) t.match((await raw.refused(id)).details, { code: 'RATE_LIMIT_EXCEEDED' });
  const single = await client(t, node, { token: token('bob') });
  t.match((await single.refused(single.set('a', 'f', 'x'.repeat(200_000)))).details, { code: 'RATE_LIMIT_EXCEEDED' });
  app.wait = () => Promise.resolve();
  release();
  for (const id of ids.slice(0, 3)) await raw.acked(id);
  // Known, and the document is not: the same messages wait.
  app.wait = () => new Promise((resolve) => waiting.push(() => resolve(undefined)));
  app.decide = allows({ b: { read: true, write: true } });
  const later = [1, 2, 3, 4, 5].map((i) => raw.set('b', `f${i}`, text));
  while (app.questions.at(-1)?.documentId !== 'b') await new Promise((resolve) => setTimeout(resolve, 10));
  release();
  for (const id of later) await raw.acked(id);
});
