import { test, type Test } from 'tap';
import { cluster } from '../../support/nodes/cluster.js';
import { exactValues } from '../../support/values/exact-values.js';
import { client, folder, secret, server, token } from '../../support/nodes/fixture.js';
import { database } from '../../support/postgres/postgres.js';
import { until, type ServerProcess } from '../../support/nodes/server.js';

interface Info {
  readonly id: string;
  readonly documentId: string;
  readonly version: Record<string, number>;
  readonly sizeBytes: number;
  readonly createdAt: string;
  readonly compressed: boolean;
}

type Headers = Record<string, string>;

function ask(to: ServerProcess, method: string, path: string, headers: Headers = {}): Promise<Response> {
  return fetch(`${to.http}${path}`, { method, headers });
}

async function patch(to: ServerProcess, id: string, body: string, headers: Headers = {}): Promise<void> {
  const all = { 'Content-Type': 'application/json', ...headers };
  const { status } = await fetch(`${to.http}/documents/${id}`, { method: 'PATCH', headers: all, body });
  if (status !== 204) throw new Error(`the patch was answered with ${status}`);
}

async function putText(to: ServerProcess, id: string, body: string): Promise<void> {
  const headers = { 'Content-Type': 'text/plain' };
  const { status } = await fetch(`${to.http}/documents/${id}/text`, { method: 'PUT', headers, body });
  if (status !== 204) throw new Error(`the text was answered with ${status}`);
}

async function made(to: ServerProcess, id: string, headers: Headers = {}): Promise<Info> {
  const answer = await ask(to, 'POST', `/snapshots/${id}`, headers);
  if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Info;
}

async function listed(to: ServerProcess, id: string): Promise<string[]> {
  const answer = await ask(to, 'GET', `/snapshots/${id}?limit=1000`);
  return ((await answer.json()) as { snapshots: Info[] }).snapshots.map((info) => info.id);
}

async function textOf(to: ServerProcess, path: string): Promise<string> {
  const answer = await ask(to, 'GET', path);
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status}`);
  return answer.text();
}

/** The JSON of the fields, as it came. */
async function fieldsOf(to: ServerProcess, id: string): Promise<string> {
  return /"fields":(\{.*\}),"hasText"/s.exec(await textOf(to, `/documents/${id}`))![1]!;
}

for (const storage of ['lmdb', 'postgres', 'memory'] as const) {
  test(`snapshots are made, read, restored and removed (${storage})`, async (t) => {
    const url = storage === 'postgres' ? (await database(t)).url : 'memory:';
    const to = await server(t, {
      SHARDS: '2',
      SYNC_REPLAY_MAX_FIELDS: '0',
      ...(storage === 'lmdb' ? {} : { DATABASE_URL: url }),
    });
    const missing = await ask(to, 'POST', '/snapshots/d');
    t.equal(missing.status, 404);
    t.match(await missing.json(), { error: 'Document not found' });
    const none = await ask(to, 'GET', '/snapshots/d/latest');
    t.equal(none.status, 404);
    t.match(await none.json(), { error: 'No snapshots found' });
    t.same(await (await ask(to, 'GET', '/snapshots/d')).json(), { documentId: 'd', count: 0, snapshots: [] });

    // Postgres refuses some values that LMDB takes.
    const values = exactValues.map(([, kept]) => kept).filter((value) => !/\\u0000|\\ud83d/.test(value));
    const written = `{${values.map((value, i) => `"f${i}":${value}`).join(',')},"same":1}`;
    await patch(to, 'd', written);
    await putText(to, 'd', 'Grüße 👋🏽 "\\\u0001');
    const fields = await fieldsOf(to, 'd');
    for (const value of values) t.ok(fields.includes(value), value);
    const before = Date.now();
    const answer = await ask(to, 'POST', '/snapshots/d');
    t.equal(answer.status, 200);
    t.equal(answer.headers.get('content-type'), 'application/json');
    const info = (await answer.json()) as Info;
    t.same(Object.keys(info), ['id', 'documentId', 'version', 'sizeBytes', 'createdAt', 'compressed']);
    t.match(info, { documentId: 'd', compressed: false });
    t.ok(Date.parse(info.createdAt) >= before && Date.parse(info.createdAt) <= Date.now());
    t.ok(Object.values(info.version).every(Number.isSafeInteger) && 'server' in info.version);
    t.same(await (await ask(to, 'GET', '/snapshots/d')).json(), { documentId: 'd', count: 1, snapshots: [info] });
    const whole = await textOf(to, `/snapshots/id/${info.id}`);
    const state = `{"id":"d","fields":${fields},"text":${JSON.stringify('Grüße 👋🏽 "\\\u0001')}}`;
    t.equal(whole, `${JSON.stringify(info).slice(0, -1)},"state":${state}}`, 'byte by byte');
    t.equal(info.sizeBytes, Buffer.byteLength(state));
    t.equal(await textOf(to, '/snapshots/d/latest'), whole);

    const follower = await client(t, to);
    await follower.subscribe('d');
    await patch(to, 'd', '{"f0":9007199254740992,"f4":0,"added":1}');
    await putText(to, 'd', 'Bye');
    const second = await made(to, 'd');
    t.equal(((await (await ask(to, 'GET', '/snapshots/d/latest')).json()) as Info).id, second.id);
    t.equal(((await (await ask(to, 'GET', '/snapshots/d?limit=1')).json()) as { count: number }).count, 1);
    const seen = follower.messages.length;
    const restored = await ask(to, 'POST', `/snapshots/id/${info.id}/restore`);
    t.equal(restored.status, 200);
    t.same(await restored.json(), { success: true });
    t.equal(await textOf(to, '/documents/d/text'), 'Grüße 👋🏽 "\\\u0001');
    const after = await fieldsOf(to, 'd');
    t.same(after.slice(1, -1).split(',').sort(), fields.slice(1, -1).split(',').sort(), 'all values are the same');
    const news = follower.messages.slice(seen);
    t.ok(
      news.some((m) => m.type === 'delta' && m['field'] === 'added'),
      'followers see the removal',
    );
    t.notOk(
      news.some((m) => m['field'] === 'same'),
      'and nothing of what did not change',
    );
    t.ok(news.some((m) => m.type === 'delta_batch' && JSON.stringify(m).includes('text-state')));

    t.same(await listed(to, 'd'), [second.id, info.id]);
    const removed = await ask(to, 'DELETE', `/snapshots/id/${info.id}`);
    t.equal(removed.status, 200);
    t.same(await removed.json(), { success: true });
    for (const [method, path] of [
      ['DELETE', ''],
      ['GET', ''],
      ['POST', '/restore'],
    ] as const) {
      const gone = await ask(to, method, `/snapshots/id/${info.id}${path}`);
      t.equal(gone.status, 404);
      t.match(await gone.json(), { error: 'Snapshot not found' });
    }
    t.same(await listed(to, 'd'), [second.id]);
  });
}

test('who may write makes snapshots, who may read reads them', async (t) => {
  const to = await server(t, { JWT_SECRET: secret, LOG_LEVEL: 'info' });
  const headers = (rights: Parameters<typeof token>[1]): Headers => ({ Authorization: `Bearer ${token('u', rights)}` });
  const [reader, writer] = [headers({ read: ['d'] }), headers({ write: ['d'] })];
  const [admin, other] = [headers({ admin: true }), headers({ read: ['e'], write: ['e'] })];
  await patch(to, 'd', '{"a":1}', writer);
  const { id } = await made(to, 'd', writer);
  await made(to, 'd', admin);
  const status = async (method: string, path: string, as: Headers): Promise<number> =>
    (await ask(to, method, path, as)).status;
  t.equal(await status('POST', '/snapshots/d', {}), 401);
  for (const as of [reader, other]) {
    t.equal(await status('POST', '/snapshots/d', as), 403);
    t.equal(await status('POST', `/snapshots/id/${id}/restore`, as), 403);
    t.equal(await status('DELETE', `/snapshots/id/${id}`, as), 403);
  }
  for (const path of ['/snapshots/d', '/snapshots/d/latest', `/snapshots/id/${id}`]) {
    t.equal(await status('GET', path, reader), 200, path);
    t.equal(await status('GET', path, admin), 200, path);
    for (const as of [writer, other]) t.equal(await status('GET', path, as), 403, path);
    t.equal(await status('GET', path, {}), 401, path);
  }
  t.equal(await status('GET', '/snapshots/d?limit=0', reader), 400);
  t.equal(await status('GET', '/snapshots/d%20', reader), 400);
  t.equal(await status('GET', `/snapshots/id/${'x'.repeat(3_000)}`, reader), 404);
  t.equal(await status('POST', `/snapshots/id/${id}/restore`, writer), 200);
  t.equal(await status('DELETE', `/snapshots/id/${id}`, writer), 200);
  for (const event of ['snapshot_created', 'snapshot_restored', 'snapshot_removed']) {
    t.ok(
      to.log.some((line) => line['event'] === event && line['target'] === 'd'),
      event,
    );
  }
});

test('a snapshot survives kill -9, and two processes share them', async (t) => {
  const data = await folder(t);
  const first = await server(t, { SYNCKIT_DATA_DIR: data });
  await patch(first, 'd', '{"n":9007199254740993,"m":-0,"l":1E400}');
  const { id } = await made(first, 'd');
  await first.kill('SIGKILL');
  const [second, third] = [await server(t, { SYNCKIT_DATA_DIR: data }), await server(t, { SYNCKIT_DATA_DIR: data })];
  t.match(await textOf(second, `/snapshots/id/${id}`), '"fields":{"n":9007199254740993,"m":-0,"l":1E400}}}');
  const other = await made(third, 'd');
  t.same(await listed(second, 'd'), [other.id, id]);
});

test('two nodes share snapshots, and a restored document is sent to the clients of both', async (t) => {
  const { nodes } = await cluster(t);
  const [one, two] = nodes;
  await patch(one, 'd', '{"a":1}');
  const { id } = await made(one, 'd');
  await patch(two, 'd', '{"a":2,"b":1}');
  const follower = await client(t, one);
  await follower.subscribe('d');
  t.same(await listed(two, 'd'), [id]);
  t.equal((await ask(two, 'POST', `/snapshots/id/${id}/restore`)).status, 200);
  await follower.expect('the field', (m) => m.type === 'delta' && m['field'] === 'a' && m['value'] === 1);
  await until('the first node to have it', async () => (await fieldsOf(one, 'd')) === '{"a":1}');
});

async function automatic(t: Test, more: NodeJS.ProcessEnv): Promise<ServerProcess> {
  return server(t, { SYNCKIT_SNAPSHOT_KEEP: '2', METRICS_ENABLED: 'true', ...more });
}

test('documents that are written get snapshots by themselves, the others none', async (t) => {
  const to = await automatic(t, { SYNCKIT_SNAPSHOT_INTERVAL_MS: '200' });
  await patch(to, 'd', '{"a":1}');
  await until('the first one', async () => (await listed(to, 'd')).length === 1);
  const [first] = await listed(to, 'd');
  await patch(to, 'e', '{"a":1}');
  await until('that of another document', async () => (await listed(to, 'e')).length === 1);
  t.same(await listed(to, 'd'), [first], 'nothing has changed');
  // A write that changes nothing.
  await patch(to, 'd', '{"none":null}');
  for (const a of [2, 3]) {
    const before = await listed(to, 'd');
    await patch(to, 'd', `{"a":${a}}`);
    await until('the next one', async () => (await listed(to, 'd'))[0] !== before[0]);
  }
  t.equal((await listed(to, 'd')).length, 2, 'so many are kept');
  t.notOk((await listed(to, 'd')).includes(first!));
});

test('after so many writes a document gets a snapshot, and automatic ones end with their age', async (t) => {
  const to = await automatic(t, { SYNCKIT_SNAPSHOT_EVERY_WRITES: '3', SYNCKIT_SNAPSHOT_MAX_AGE_MS: '2000' });
  for (const a of [1, 2]) await patch(to, 'd', `{"a":${a}}`);
  t.same(await listed(to, 'd'), []);
  await patch(to, 'd', '{"a":3}');
  await until('it', async () => (await listed(to, 'd')).length === 1);
  const { id } = await made(to, 'd');
  await until('it to be removed', async () => (await listed(to, 'd')).length === 1);
  t.same(await listed(to, 'd'), [id], 'those made by request stay');
});

test('there is an end to the room for snapshots', async (t) => {
  const to = await server(t, { SYNCKIT_SNAPSHOT_MAX_BYTES: '3KiB', SYNCKIT_SNAPSHOT_MAX_DOCUMENT_BYTES: '2KiB' });
  await patch(to, 'd', JSON.stringify({ a: 'x'.repeat(1_500) }));
  await patch(to, 'e', JSON.stringify({ a: 'x'.repeat(1_700) }));
  await patch(to, 'f', JSON.stringify({ a: 'x'.repeat(2_100) }));
  const first = await made(to, 'd');
  const second = await made(to, 'd');
  t.not(second.id, first.id);
  t.same(await listed(to, 'd'), [second.id], 'the last one takes the place of the first');
  for (const id of ['e', 'f']) {
    const full = await ask(to, 'POST', `/snapshots/${id}`);
    t.equal(full.status, 507);
    t.match(await full.json(), { code: 'SNAPSHOTS_FULL' });
  }
});
