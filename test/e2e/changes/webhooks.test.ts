/** The webhook: what it is told, and what becomes of events when it fails. */
import type { ServerResponse } from 'node:http';
import { test, type Test } from 'tap';
import { Backend } from '../../support/nodes/backend.js';
import { cluster } from '../../support/nodes/cluster.js';
import { folder, secret, server, token } from '../../support/nodes/fixture.js';
import { until, type ServerProcess } from '../../support/nodes/server.js';
import { WebhookReceiver, type Received } from '../../support/nodes/webhook-receiver.js';
import { database, useOwnServer } from '../../support/postgres/postgres.js';

useOwnServer();

const quick = { JWT_SECRET: secret, WEBHOOK_DEBOUNCE_MS: '50', WEBHOOK_RETRY_MS: '50', WEBHOOK_LEASE_MS: '1000' };
const storages: Record<string, (t: Test) => Promise<NodeJS.ProcessEnv>> = {
  embedded: async (t) => ({ SYNCKIT_DATA_DIR: await folder(t) }),
  postgres: async (t) => ({ DATABASE_URL: (await database(t)).url }),
  memory: () => Promise.resolve({ DATABASE_URL: 'memory:' }),
};

async function receiver(t: Test): Promise<WebhookReceiver> {
  const made = await new WebhookReceiver().start();
  t.teardown(() => made.stop());
  return made;
}

function inWords(events: readonly Received[]): string[] {
  return events.map(({ type, documentId, kind }) => `${type} ${documentId} ${kind}`);
}

async function patch(to: ServerProcess, id: string, body: object): Promise<void> {
  const status = await new Backend(to).status('PATCH', `/documents/${id}`, body);
  if (status !== '204') throw new Error(status);
}

interface Listed {
  readonly isDelivering: boolean;
  readonly pending: number;
  readonly failing: number;
  readonly dead: number;
  readonly events: readonly { readonly documentId: string; readonly attempts: number; readonly reason: string }[];
  readonly next: string | null;
}

async function listed(to: ServerProcess, query = ''): Promise<Listed> {
  const answer = await new Backend(to).ask('GET', `/admin/webhooks${query}`);
  if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Listed;
}

for (const [kind, storage] of Object.entries(storages)) {
  test(`the webhook is told what became of documents (${kind})`, async (t) => {
    const hook = await receiver(t);
    const to = await server(t, { ...quick, ...hook.env, ...(await storage(t)) });
    const backend = new Backend(to);
    for (const [method, path, told] of [
      ['PATCH', '/documents/a', 'document.changed a changed'],
      ['DELETE', '/documents/a', 'document.deleted a deleted'],
      ['POST', '/documents/a/restore', 'document.changed a restored'],
      ['DELETE', '/documents/a?hard=true', 'document.deleted a erased'],
    ] as const) {
      const before = hook.accepted.length;
      const status = await backend.status(method, path, method === 'PATCH' ? { title: 'x' } : undefined);
      t.equal(status, '204');
      await until(told, () => hook.accepted.length > before);
      t.strictSame(inWords(hook.accepted.slice(before)), [told]);
    }
    t.strictSame(hook.problems, []);
    t.equal(new Set(hook.accepted.map(({ id }) => id)).size, 4, 'each has an id of its own');
    t.equal((await to.kill('SIGTERM')).code, 0);
  });
}

test('a document that keeps changing is told of now and then', async (t) => {
  const hook = await receiver(t);
  const env = { WEBHOOK_DEBOUNCE_MS: '3000', WEBHOOK_MAX_WAIT_MS: '1500' };
  const to = await server(t, { ...quick, ...hook.env, ...env });
  let isTold = false;
  for (let i = 0; !isTold; i++) {
    await patch(to, 'busy', { n: i });
    isTold = hook.accepted.length >= 2;
  }
  t.ok(hook.accepted.length < hook.accepted.at(-1)!.commit / 3, 'far less often than it changes');
  t.strictSame(hook.problems, []);
});

test('only the events that are wanted are told', async (t) => {
  const hook = await receiver(t);
  const to = await server(t, { ...quick, ...hook.env, WEBHOOK_EVENTS: 'document.deleted' });
  await patch(to, 'a', { n: 1 });
  await patch(to, 'b', { n: 1 });
  await new Backend(to).ask('DELETE', '/documents/b');
  await until('the deletion', () => hook.accepted.length > 0);
  t.strictSame(inWords(hook.calls), ['document.deleted b deleted']);
});

const misdeeds: Record<string, (response: ServerResponse) => void> = {
  fails: (response) => response.writeHead(500).end('out of order'),
  redirects: (response) => response.writeHead(307, { Location: '/elsewhere' }).end(),
  'breaks off': (response) => response.destroy(),
  'never answers': () => undefined,
};

for (const [misdeed, answer] of Object.entries(misdeeds)) {
  test(`nothing is lost, and no ack waits, when the receiver ${misdeed}`, async (t) => {
    const hook = await receiver(t);
    hook.answer = answer;
    const to = await server(t, { ...quick, ...hook.env, WEBHOOK_TIMEOUT_MS: '500', WEBHOOK_RETRY_MS: '10' });
    for (let i = 0; i < 20; i++) await patch(to, `d${i % 10}`, { n: i });
    await until('some calls', () => hook.calls.length > 3);
    for (let i = 20; i < 40; i++) await patch(to, `d${i % 10}`, { n: i });
    t.strictSame(hook.accepted, []);
    hook.answer = (response) => response.writeHead(204).end();
    // The more attempts have failed meanwhile, the longer the pause before the next.
    const isToldAll = (): boolean => [...hook.commits].filter(([, commit]) => commit === 4).length === 10;
    await until('all events', isToldAll, 180_000);
    t.strictSame(hook.problems, []);
    await until('nothing to be left', async () => (await listed(to)).pending === 0);
  });
}

test('what a receiver answers besides its status does not matter', async (t) => {
  const hook = await receiver(t);
  let endless = 0;
  hook.answer = (response) => {
    response.writeHead(200, { 'Content-Type': 'text/plain' });
    const timer = setInterval(() => response.write('garbage '.repeat(8_192)), 1);
    response.on('close', () => {
      clearInterval(timer);
      endless++;
    });
  };
  const to = await server(t, { ...quick, ...hook.env });
  for (const id of ['a', 'b', 'c']) await patch(to, id, { n: 1 });
  await until('all calls to be ended', () => endless === 3);
  await until('nothing to be left', async () => (await listed(to)).pending === 0);
  t.equal(hook.calls.length, 3, 'each was sent once');
});

test('an event that is refused is given up, seen by administrators, and tried again', async (t) => {
  const hook = await receiver(t);
  const isBad = ({ documentId }: Received): boolean => documentId.startsWith('bad');
  hook.answer = (response, event) => response.writeHead(isBad(event) ? 400 : 204).end();
  const env = { WEBHOOK_MAX_ATTEMPTS: '3', WEBHOOK_MAX_DEAD: '3', SYNCKIT_DATA_DIR: await folder(t) };
  const to = await server(t, { ...quick, ...hook.env, ...env });
  for (const id of ['bad1', 'good', 'bad2']) await patch(to, id, { n: 1 });
  await until('both to be given up', async () => (await listed(to)).events.length === 2);
  t.match((await listed(to)).events, [
    { documentId: 'bad1', kind: 'changed', commit: 1, attempts: 3, reason: 'the answer is 400' },
    { documentId: 'bad2' },
  ]);
  t.match(await listed(to, '?limit=1'), { events: [{ documentId: 'bad1' }], next: 'bad1' });
  t.match(await listed(to, '?after=bad1'), { events: [{ documentId: 'bad2' }] });
  t.strictSame(inWords(hook.accepted), ['document.changed good changed'], 'others do not wait for them');
  await until('the metric', async () =>
    /\nsynckit_webhook_dead 2\n/.test(await (await fetch(`${to.http}/metrics`)).text()),
  );
  const ann = new Backend(to, token('ann', { read: ['*'], write: ['*'] }));
  t.equal((await ann.ask('GET', '/admin/webhooks')).status, 403);
  t.equal((await new Backend(to).ask('POST', '/admin/webhooks', { documentId: '' })).status, 400);

  await to.kill('SIGKILL');
  const again = await server(t, { ...quick, ...hook.env, ...env });
  t.equal((await listed(again)).events.length, 2, 'they are kept');
  hook.answer = (response) => response.writeHead(204).end();
  const one = await new Backend(again).ask('POST', '/admin/webhooks', { documentId: 'bad2' });
  t.strictSame(await one.json(), { retried: 1 });
  await until('bad2', () => hook.accepted.some(({ documentId }) => documentId === 'bad2'));
  await patch(again, 'bad1', { n: 2 });
  await until('bad1', () => hook.accepted.some(({ documentId }) => documentId === 'bad1'));
  await until('none to be left', async () => (await listed(again)).events.length === 0);
  t.strictSame(hook.problems, []);
});

test('without a webhook there is nothing to see', async (t) => {
  const to = await server(t, { JWT_SECRET: secret });
  t.equal((await new Backend(to).ask('GET', '/admin/webhooks')).status, 404);
});

test('one node of a cluster delivers, and another one when it has died', async (t) => {
  const hook = await receiver(t);
  const { nodes } = await cluster(t, { ...quick, ...hook.env });
  await patch(nodes[1], 'first', { n: 1 });
  await until('the first event', () => hook.accepted.length === 1);
  const delivering = async (): Promise<ServerProcess[]> => {
    const states = await Promise.all(nodes.map(async (node) => (await listed(node)).isDelivering));
    return nodes.filter((_, i) => states[i]);
  };
  await until('one to deliver', async () => (await delivering()).length === 1);
  const [dying] = await delivering();
  const other = nodes.find((node) => node !== dying)!;
  hook.answer = () => undefined;
  for (const id of ['a', 'b', 'c']) await patch(dying!, id, { n: 1 });
  await until('a call', () => hook.calls.length > 1);
  await dying!.kill('SIGKILL');
  hook.answer = (response) => response.writeHead(204).end();
  await patch(other, 'd', { n: 1 });
  await until('all events', () => hook.commits.size === 5);
  t.strictSame([...hook.commits.keys()].sort(), ['a', 'b', 'c', 'd', 'first']);
  t.strictSame(hook.problems, []);
});

test('an erased document leaves nothing of its events but that it was erased', async (t) => {
  const hook = await receiver(t);
  hook.answer = (response) => response.writeHead(400).end();
  const { url, query } = await database(t);
  const to = await server(t, { ...quick, ...hook.env, DATABASE_URL: url, WEBHOOK_MAX_ATTEMPTS: '1' });
  await patch(to, 'a', { n: 1 });
  await until('it to be given up', async () => (await listed(to)).events.length === 1);
  await to.kill('SIGKILL');
  const off = await server(t, { JWT_SECRET: secret, DATABASE_URL: url });
  await new Backend(off).ask('DELETE', '/documents/a?hard=true');
  t.strictSame(await query('SELECT * FROM webhook_events'), []);
  t.match(await query('SELECT document_id, kind FROM changes'), [{ document_id: 'a', kind: 'erased' }]);
});
