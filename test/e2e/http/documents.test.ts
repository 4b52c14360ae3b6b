import { test } from 'tap';
import { client, secret, server, token } from '../../support/nodes/fixture.js';
import { database } from '../../support/postgres/postgres.js';
import { cluster } from '../../support/nodes/cluster.js';
import { sdkClient } from '../../support/clients/sdk.js';
import { until, type ServerProcess } from '../../support/nodes/server.js';
import { TextReplica } from '../../support/clients/text-replica.js';

interface Shown {
  readonly id: string;
  readonly fields: Record<string, unknown>;
  readonly hasText: boolean;
  readonly clock: Record<string, number>;
  readonly updated: string;
}

const json = { 'Content-Type': 'application/json' };

function patch(to: ServerProcess, id: string, fields: object | string, headers: Record<string, string> = {}) {
  const body = typeof fields === 'string' ? fields : JSON.stringify(fields);
  return fetch(`${to.http}/documents/${id}`, { method: 'PATCH', headers: { ...json, ...headers }, body });
}

async function shown(to: ServerProcess, id: string, query = ''): Promise<Shown> {
  const answer = await fetch(`${to.http}/documents/${id}${query}`);
  if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Shown;
}

for (const storage of ['lmdb', 'postgres'] as const) {
  test(`a document is read and written by HTTP (${storage})`, async (t) => {
    const env = storage === 'lmdb' ? {} : { DATABASE_URL: (await database(t)).url };
    const to = await server(t, env);
    const missing = await fetch(`${to.http}/documents/d`);
    t.equal(missing.status, 404);
    t.equal(missing.headers.get('content-type'), 'application/json');
    t.same(await missing.json(), { error: 'Document not found', code: 'DOCUMENT_NOT_FOUND' });

    const plain = await client(t, to);
    const batching = await client(t, to, { encoding: 'json' });
    batching.send('awareness_subscribe', { documentId: 'd' });
    await Promise.all([plain.subscribe('d'), batching.subscribe('d')]);
    // The SDK ends with the first test that uses it.
    const sdk = storage === 'lmdb' ? await sdkClient(t, to.url, 'ann', 'd') : undefined;
    const before = Date.now();
    const value = '{"deep":[1.50,{"b":"é"}],"big":12345678901234567890}';
    const written = await patch(to, 'd', `{ "a" : ${value}, "b": 2, "gone": 1 }`);
    t.equal(written.status, 204);
    t.equal(await written.text(), '');
    await plain.expect('the field', (m) => m.type === 'delta' && m['field'] === 'b' && m['value'] === 2);
    await batching.expect('the batch', (m) => m.type === 'delta_batch' && JSON.stringify(m).includes('"field":"b"'));
    await until('the SDK to have it', () => sdk === undefined || sdk.document.getField('b') === 2);

    const raw = await (await fetch(`${to.http}/documents/d`)).text();
    t.ok(raw.includes(`"a":${value}`), 'values come as they were sent');
    const first = await fetch(`${to.http}/documents/d`);
    t.equal(first.headers.get('content-type'), 'application/json');
    const etag = first.headers.get('etag')!;
    const document = (await first.json()) as Shown;
    t.same(Object.keys(document.fields).sort(), ['a', 'b', 'gone']);
    t.equal(document.hasText, false);
    t.ok(Date.parse(document.updated) >= before - 1 && Date.parse(document.updated) <= Date.now() + 1);
    t.same((await shown(to, 'd', '?fields=b,none')).fields, { b: 2 });

    const known = await fetch(`${to.http}/documents/d`, { headers: { 'If-None-Match': etag } });
    t.equal(known.status, 304);
    t.equal(await known.text(), '');
    t.equal((await patch(to, 'd', { gone: null }, { 'If-Match': '"other"' })).status, 412);
    t.equal((await shown(to, 'd')).fields['gone'], 1);
    t.equal((await patch(to, 'd', { gone: null }, { 'If-Match': etag })).status, 204);
    t.equal((await patch(to, 'd', { b: 3 }, { 'If-Match': etag })).status, 412, 'it has changed');
    t.equal((await patch(to, 'd', { b: 3 }, { 'If-None-Match': '*' })).status, 412, 'it exists');
    await plain.expect('the removal', (m) => m.type === 'delta' && m['field'] === 'gone' && m['value'] !== 1);
    t.notOk('gone' in (await shown(to, 'd')).fields);

    await plain.acked(plain.set('d', 'b', 4));
    const changed = await fetch(`${to.http}/documents/d`, { headers: { 'If-None-Match': etag } });
    t.equal(changed.status, 200);
    t.equal(((await changed.json()) as Shown).fields['b'], 4);

    const body = JSON.stringify({ deltas: [{ field: 'c', value: 5, clock: { x: 1 }, clientId: 'x' }] });
    const deltas = await fetch(`${to.http}/documents/d/deltas`, { method: 'POST', headers: json, body });
    t.equal(deltas.status, 204);
    t.equal((await shown(to, 'd')).fields['c'], 5);
    const whole = await patch(to, 'd', { b: 6 }, { Prefer: 'return=representation' });
    t.equal(whole.status, 200);
    t.equal(((await whole.json()) as Shown).fields['b'], 6);
  });
}

test('a write by HTTP on one node is seen on the other', async (t) => {
  const { nodes } = await cluster(t);
  const [one, two] = nodes;
  const other = await client(t, two);
  await other.subscribe('d');
  t.equal((await patch(one, 'd', { a: 1 })).status, 204);
  await other.expect('the field', (m) => m.type === 'delta' && m['field'] === 'a');
  const tags = await Promise.all(
    nodes.map(async (node) => (await fetch(`${node.http}/documents/d`)).headers.get('etag')),
  );
  t.equal(tags[0], tags[1], 'all nodes know a state by the same tag');
  t.equal((await patch(two, 'd', { a: 2 }, { 'If-Match': tags[0]! })).status, 204);
  await until('the first node to have it', async () => (await shown(one, 'd')).fields['a'] === 2);
});

test('requests are refused with codes', async (t) => {
  const to = await server(t, { JWT_SECRET: secret, WS_MAX_PAYLOAD_BYTES: '4KiB' });
  const reader = { Authorization: `Bearer ${token('ann', { read: ['a*'] })}` };
  const writer = { Authorization: `Bearer ${token('bob', { read: ['a*'], write: ['a*'] })}` };
  const code = async (answer: Promise<Response>) => {
    const { status, headers } = await answer;
    const body = (await (await answer).json().catch(() => ({}))) as { code?: string };
    t.equal(headers.get('content-type'), 'application/json');
    return `${status} ${body.code}`;
  };
  const get = (path: string, headers: Record<string, string> = {}) => fetch(to.http + path, { headers });
  t.equal(await code(get('/documents/a')), '401 AUTH_REQUIRED');
  t.equal(await code(get('/documents/a', { Authorization: 'Bearer nonsense' })), '401 AUTH_FAILED');
  t.equal(await code(get('/documents/b', reader)), '403 PERMISSION_DENIED');
  t.equal(await code(patch(to, 'a', { x: 1 }, reader)), '403 PERMISSION_DENIED');
  t.equal(await code(patch(to, 'a', '[1]', writer)), '400 INVALID_DELTA');
  t.equal(await code(patch(to, 'a', '{"x":', writer)), '400 INVALID_DELTA');
  t.equal(
    await code(patch(to, 'a', { x: 1 }, { ...writer, 'Content-Type': 'text/plain' })),
    '415 UNSUPPORTED_MEDIA_TYPE',
  );
  t.equal(await code(patch(to, 'a', { x: 'y'.repeat(5_000) }, writer)), '413 MESSAGE_TOO_LARGE');
  t.equal(await code(get('/documents/a%20b', reader)), '400 INVALID_DOCUMENT_ID');
  t.equal(await code(get('/documents/a?field=x', reader)), '400 INVALID_REQUEST');
  t.equal(await code(get('/documents/a/none', reader)), '404 NOT_FOUND');
  t.equal(
    await code(fetch(`${to.http}/documents/a`, { method: 'POST', headers: reader, body: '1' })),
    '405 METHOD_NOT_ALLOWED',
  );
  t.equal((await patch(to, 'a', { x: 1 }, writer)).status, 204);
  t.equal((await get('/documents/a', reader)).status, 200);
});

test('an Idempotency-Key writes once', async (t) => {
  const to = await server(t);
  const key = { 'Idempotency-Key': 'k' };
  const answers = await Promise.all([patch(to, 'd', { a: 1 }, key), patch(to, 'd', { a: 1 }, key)]);
  t.same(
    answers.map(({ status }) => status),
    [204, 204],
  );
  t.equal((await patch(to, 'd', { a: 2 })).status, 204);
  t.equal((await patch(to, 'd', { a: 1 }, key)).status, 204, 'answered as before');
  t.equal((await shown(to, 'd')).fields['a'], 2, 'and not written again');
  const other = await patch(to, 'd', { a: 3 }, key);
  t.equal(other.status, 422);
  t.match(await other.json(), { code: 'IDEMPOTENCY_KEY_REUSED' });
});

test('what one address writes by HTTP counts together', async (t) => {
  const to = await server(t, { SYNCKIT_MAX_RECEIVED_BYTES_PER_SECOND: '8KiB' });
  const big = { a: 'x'.repeat(20_000) };
  const statuses: number[] = [];
  for (let i = 0; i < 3; i++) statuses.push((await patch(to, 'd', big)).status);
  t.equal(statuses[0], 204);
  t.ok(statuses.includes(429));
});

test('the text of a document is read by HTTP', async (t) => {
  const to = await server(t);
  const text = () => fetch(`${to.http}/documents/d/text`);
  t.equal((await text()).status, 404);
  const replica = new TextReplica('ann');
  replica.insert(0, 'Hállo "you" 👩‍👩‍👧');
  const entry = { type: 'text-state', state: replica.state(), clientId: 'ann', clock: 1 };
  const body = JSON.stringify({ deltas: [entry] });
  const posted = await fetch(`${to.http}/documents/d/deltas`, { method: 'POST', headers: json, body });
  t.equal(posted.status, 204);
  const answer = await text();
  t.equal(answer.headers.get('content-type'), 'text/plain; charset=utf-8');
  t.equal(await answer.text(), replica.text());
  t.ok((await shown(to, 'd')).hasText);
  const etag = answer.headers.get('etag')!;
  t.equal((await fetch(`${to.http}/documents/d/text`, { headers: { 'If-None-Match': etag } })).status, 304);
});

test('an upgrade of / is taken like one of /ws', async (t) => {
  const to = await server(t);
  const short = await client(t, { ...to, url: to.url.replace('/ws', '/') });
  await short.acked(short.set('d', 'a', 1));
  t.equal((await shown(to, 'd')).fields['a'], 1);
  t.match(await (await fetch(`${to.http}/`)).json(), { endpoints: { ws: '/ws', auth: '/auth' }, features: {} });
});
