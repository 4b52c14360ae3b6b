/** What is revoked while the application is asked, and answers that clients find which come and go. */
import { setTimeout as sleep } from 'node:timers/promises';
import { test, type Test } from 'tap';
import { ApplicationServer, type Question } from '../../support/nodes/application-server.js';
import { ask } from '../../support/nodes/accounts.js';
import { EventClient } from '../../support/network/event-source.js';
import { client, secret, server, token } from '../../support/nodes/fixture.js';
import { until, type ServerProcess } from '../../support/nodes/server.js';

async function start(
  t: Test,
  env: NodeJS.ProcessEnv = {},
): Promise<{ readonly app: ApplicationServer; readonly node: ServerProcess }> {
  const app = await new ApplicationServer().start();
  t.teardown(() => app.stop());
  app.decide = () => ({ read: true, write: true, ttlMs: 3_600_000 });
  const access = { ACCESS_URL: app.url, ACCESS_SECRET: app.secret, ACCESS_TIMEOUT_MS: '60000' };
  const node = await server(t, { JWT_SECRET: secret, DATABASE_URL: 'memory:', SHARDS: '1', ...access, ...env });
  return { app, node };
}

/** Has the application think about a question until the function that is returned is called. */
function hold(app: ApplicationServer, about: (question: Question) => boolean): () => void {
  let answer: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (answer = resolve));
  app.wait = () => (about(app.questions.at(-1)!) ? held : Promise.resolve());
  return answer;
}

const bearer = (text: string): Record<string, string> => ({ Authorization: `Bearer ${text}` });

async function revoke(node: ServerProcess, userId: string): Promise<void> {
  const root = bearer(token('root', { admin: true }));
  const { status } = await ask(node, 'POST /admin/revocations', { userId }, root);
  if (status !== 201) throw new Error(`the revocation is answered with ${status}`);
}

test('a connection whose token is revoked while the application is asked about it does not open', async (t) => {
  const { app, node } = await start(t);
  const answer = hold(app, ({ userId }) => userId === 'ann');
  const raw = await client(t, node, { token: token('ann', { read: ['*'] }) });
  await until('the question', () => app.questions.length === 1);
  await revoke(node, 'ann');
  answer();
  t.match(await raw.end(), { code: 4401 });
});

test('neither does a stream, nor is a document read or written', async (t) => {
  const { app, node } = await start(t);
  for (const [userId, isAbout] of [
    ['early', ({ documentId }: Question) => documentId === null],
    ['late', ({ documentId }: Question) => documentId === 'd'],
  ] as const) {
    const shown = bearer(token(userId, { read: ['*'] }));
    const before = app.questions.length;
    const answer = hold(app, (question) => question.userId === userId && isAbout(question));
    const stream = EventClient.open(`${node.http}/documents/d/events`, '', shown);
    const refused = t.rejects(stream, /401.*TOKEN_REVOKED/, `a stream, ${userId}`);
    const read = ask(node, 'GET /documents/d', undefined, shown);
    const write = ask(node, 'PATCH /documents/d', { f: 1 }, { ...shown, 'Content-Type': 'application/json' });
    await until('the question', () => app.questions.slice(before).some(isAbout));
    // All three have to wait for the same answer.
    await sleep(200);
    await revoke(node, userId);
    answer();
    await refused;
    for (const { status, body } of await Promise.all([read, write])) {
      t.match({ status, body }, { status: 401, body: { code: 'TOKEN_REVOKED' } }, userId);
    }
  }
});

test('a new answer also counts for those who only come and go', async (t) => {
  const { app, node } = await start(t, { ACCESS_RECHECK_MS: '500' });
  const ann = bearer(token('ann'));
  t.equal(
    (await ask(node, 'PATCH /documents/d', { f: 1 }, { ...ann, 'Content-Type': 'application/json' })).status,
    204,
  );
  app.decide = ({ documentId }) => ({ read: documentId === null, ttlMs: 3_600_000 });
  await until('the refusal', async () => (await ask(node, 'GET /documents/d', undefined, ann)).status === 403);
  app.decide = () => ({ status: 403, text: '' });
  const codeOfConnection = async (): Promise<unknown> => {
    const raw = await client(t, node, { token: token('ann') });
    const ended = raw.end();
    const { code } = await Promise.race([ended, raw.roundTrip().then(() => ({ code: 'open' }))]);
    raw.socket.terminate();
    return code;
  };
  await until('the end of connections', async () => (await codeOfConnection()) === 4403);
  t.pass('the application was asked again');
});
