/** The application is asked about writes before they are merged: one that answers, is slow, wrong and away. */
import { test, type Test } from 'tap';
import { ApplicationServer } from '../support/nodes/application-server.js';
import { ask } from '../support/nodes/accounts.js';
import { client, secret, server, token } from '../support/nodes/fixture.js';
import { database } from '../support/postgres/postgres.js';
import { until, type ServerProcess } from '../support/nodes/server.js';

interface Asked {
  readonly documentId: string;
  readonly userId: string;
  readonly address: string;
  readonly changes: readonly { readonly field: string; readonly value?: unknown; readonly deleted?: boolean }[];
}

interface Started {
  readonly app: ApplicationServer<Asked>;
  readonly node: ServerProcess;
}

async function start(t: Test, env: NodeJS.ProcessEnv = {}): Promise<Started> {
  const app = await new ApplicationServer<Asked>().start();
  t.teardown(() => app.stop());
  app.decide = ({ changes }) => {
    const wrong = changes.find(({ value }) => value === 'bad');
    return wrong === undefined ? { allow: true } : { allow: false, reason: `${wrong.field} is bad` };
  };
  const validation = { VALIDATE_URL: app.url, VALIDATE_SECRET: app.secret, VALIDATE_PREFIXES: 'asked:' };
  return { app, node: await server(t, { DATABASE_URL: 'memory:', SHARDS: '1', ...validation, ...env }) };
}

async function metric(node: ServerProcess, pattern: RegExp): Promise<number> {
  const text = await (await fetch(`${node.http}/metrics`)).text();
  return Number(pattern.exec(text)?.[1]);
}

function patch(node: ServerProcess, id: string, body: object): Promise<Response> {
  const headers = { 'Content-Type': 'application/merge-patch+json' };
  return fetch(`${node.http}/documents/${id}`, { method: 'PATCH', headers, body: JSON.stringify(body) });
}

for (const storage of ['lmdb', 'postgres'] as const) {
  test(`what the application forbids is refused over socket and HTTP, and shown to nobody (${storage})`, async (t) => {
    const { app, node } = await start(t, {
      DATABASE_URL: storage === 'lmdb' ? '' : (await database(t)).url,
    });
    const reader = await client(t, node);
    await reader.subscribe('asked:1');
    for (const encoding of ['binary', 'json'] as const) {
      const writer = await client(t, node, { encoding });
      await writer.acked(writer.set('asked:1', 'a', 'good'));
      const refused = await writer.refused(writer.set('asked:1', 'b', 'bad'));
      t.equal(refused['error'], 'Validation failed: b is bad');
      t.equal(refused.details['code'], 'VALIDATION_FAILED');
      const batch = writer.send('delta_batch', {
        documentId: 'asked:1',
        deltas: [
          { documentId: 'asked:1', field: 'c', value: 1 },
          { documentId: 'asked:1', field: 'd', value: 'bad' },
        ],
      });
      t.equal((await writer.refused(batch))['error'], 'Validation failed: d is bad', 'a batch as a whole');
      const inner = { type: 'delta', id: 'in', timestamp: 1, documentId: 'asked:1', field: 'e', value: 'bad' };
      const data = Buffer.from(JSON.stringify(inner)).toString('base64');
      writer.send('delta_batch_chunk', { chunkId: 'c', totalChunks: 1, chunkIndex: 0, data });
      t.equal((await writer.refused('in'))['error'], 'Validation failed: e is bad', 'in chunks');
      await writer.acked(writer.set('asked:1', 'a', { __deleted: true }));
    }
    const patched = await patch(node, 'asked:1', { f: 'bad' });
    t.equal(patched.status, 422);
    t.strictSame(await patched.json(), { error: 'Validation failed: f is bad', code: 'VALIDATION_FAILED' });
    const deltas = await fetch(`${node.http}/documents/asked:1/deltas`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ documentId: 'asked:1', deltas: [{ documentId: 'asked:1', field: 'g', value: 'bad' }] }),
    });
    t.equal(deltas.status, 422);
    t.equal((await patch(node, 'asked:1', { last: 'good' })).ok, true);
    await reader.expect('what is allowed', (m) => m['field'] === 'last');
    t.strictSame(new Set(reader.received('delta').map((m) => m['field'])), new Set(['a', 'last']));
    t.equal(app.unsigned, 0);
    t.match(app.questions[0], { documentId: 'asked:1', userId: 'anonymous', address: '127.0.0.1' });
    t.strictSame(app.questions[0]?.changes, [{ field: 'a', value: 'good' }]);
    t.ok(app.questions.some(({ changes }) => changes[0]?.deleted === true));
  });
}

test('an application that is slow delays its own documents, whose messages keep their order', async (t) => {
  const { app, node } = await start(t);
  const answers: (() => void)[] = [];
  app.wait = () => new Promise<void>((resolve) => answers.push(resolve));
  const writer = await client(t, node);
  const slow = [1, 2, 3].map((value) => writer.set('asked:1', 'f', value));
  const read = writer.send('subscribe', { documentId: 'asked:1' });
  await writer.acked(writer.set('free', 'f', 1));
  await until('all questions', () => answers.length === 3);
  t.equal(await metric(node, /^synckit_validations_waiting (\d+)/m), 3);
  t.notOk(
    writer.messages.some((m) => m['documentId'] === 'asked:1'),
    'neither acks nor an answer',
  );
  // The last is answered first.
  for (const answer of answers.reverse()) answer();
  for (const id of slow) await writer.acked(id);
  const state = await writer.expect('the answer', (m) => m['type'] === 'sync_response' && m['id'] !== read);
  t.strictSame(state['state'], { f: 3 });
});

test('without an answer writes are refused, or allowed if so configured; the application is left alone then', async (t) => {
  for (const whenAway of ['refuse', 'allow'] as const) {
    const { app, node } = await start(t, { VALIDATE_TIMEOUT_MS: '200', VALIDATE_WHEN_AWAY: whenAway });
    const writer = await client(t, node);
    const attempt = async (): Promise<void> => {
      const id = writer.set('asked:1', 'f', 1);
      if (whenAway === 'allow') await writer.acked(id);
      else t.equal((await writer.refused(id)).details['code'], 'VALIDATION_UNAVAILABLE');
    };
    const wrong = [
      () => ({ status: 500, text: '{"allow":true}' }),
      () => ({ status: 200, text: 'yes' }),
      () => ({ allow: 'yes' }),
      () => ({ status: 200, text: `{"allow":true,"reason":"${'x'.repeat(70_000)}"}` }),
    ];
    for (const decide of wrong) {
      app.decide = decide;
      await attempt();
    }
    app.wait = () => new Promise(() => undefined);
    await attempt();
    const asked = app.questions.length;
    await attempt();
    t.equal(app.questions.length, asked, 'it is not asked any more for a while');
    t.equal(await metric(node, /synckit_validations_total\{[^}]*result="failed"[^}]*\} (\d+)/), 5);
    app.wait = () => Promise.resolve();
    app.decide = () => ({ allow: true });
    await until('it is asked again', async () => {
      const id = writer.set('asked:1', 'f', 1);
      await writer.expect('an answer', (m) =>
        [m['messageId'], (m['details'] as { messageId?: string } | undefined)?.messageId].includes(id),
      );
      return app.questions.length > asked;
    });
    await writer.acked(writer.set('asked:1', 'f', 2));
    await until('it is not left alone', async () => (await metric(node, /^synckit_validation_paused (\d+)/m)) === 0);
    if (whenAway === 'refuse') {
      await app.stop();
      const response = await patch(node, 'asked:1', { f: 1 });
      t.equal(response.status, 503);
      t.match(await response.json(), { code: 'VALIDATION_UNAVAILABLE' });
    }
  }
});

test('writes that wait for the application are bounded', async (t) => {
  const { app, node } = await start(t, { VALIDATE_MAX_WAITING: '3', VALIDATE_MAX_CALLS: '1' });
  app.wait = () => new Promise(() => undefined);
  const writer = await client(t, node);
  for (let i = 0; i < 3; i++) writer.set('asked:1', 'f', i);
  const [one, two] = [writer.set('asked:2', 'f', 1), patch(node, 'asked:3', { f: 1 })];
  t.equal((await writer.refused(one)).details['code'], 'RATE_LIMIT_EXCEEDED');
  t.equal((await two).status, 429);
  await until('the question', () => app.questions.length > 0);
  t.equal(app.questions.length, 1, 'VALIDATE_MAX_CALLS at a time');
});

test('who is revoked while the application is asked does not write', async (t) => {
  const { app, node } = await start(t, { JWT_SECRET: secret });
  let answer: () => void = () => undefined;
  app.wait = () => new Promise<void>((resolve) => (answer = resolve));
  const bearer = (text: string): Record<string, string> => ({ Authorization: `Bearer ${text}` });
  const shown = bearer(token('ann', { read: ['*'], write: ['*'] }));
  const root = bearer(token('root', { admin: true }));
  const type = { 'Content-Type': 'application/merge-patch+json' };
  const write = ask(node, 'PATCH /documents/asked:1', { f: 1 }, { ...shown, ...type });
  await until('the question', () => app.questions.length === 1);
  t.match(await ask(node, 'POST /admin/revocations', { userId: 'ann' }, root), { status: 201 });
  answer();
  t.match(await write, { status: 401, body: { code: 'TOKEN_REVOKED' } });
  t.match(await ask(node, 'GET /documents/asked:1', undefined, root), { status: 404 });
});
