import { test } from 'tap';
import { cluster } from '../../support/nodes/cluster.js';
import { EventClient } from '../../support/network/event-source.js';
import { client, folder, secret, server, token } from '../../support/nodes/fixture.js';
import { database } from '../../support/postgres/postgres.js';
import { freePort, until, type ServerProcess } from '../../support/nodes/server.js';

async function patch(to: ServerProcess, id: string, fields: object, headers: Record<string, string> = {}) {
  const body = JSON.stringify(fields);
  const all = { 'Content-Type': 'application/json', ...headers };
  const answer = await fetch(`${to.http}/documents/${id}`, { method: 'PATCH', headers: all, body });
  if (answer.status !== 204) throw new Error(`${answer.status} ${await answer.text()}`);
}

const events = (to: ServerProcess, id = 'd') => `${to.http}/documents/${id}/events`;

for (const storage of ['lmdb', 'postgres'] as const) {
  test(`events are resumed over a restart without a gap (${storage})`, async (t) => {
    const own = storage === 'lmdb' ? { SYNCKIT_DATA_DIR: await folder(t) } : { DATABASE_URL: (await database(t)).url };
    const env = { ...own, PORT: String(await freePort()) };
    const first = await server(t, env);
    await patch(first, 'd', { early: 1, old: 1, stays: 1 });
    const reader = await EventClient.open(events(first));
    t.equal(reader.response.headers.get('content-type'), 'text/event-stream');
    const state = await reader.expect('the state', ({ event }) => event === 'state');
    t.same(state.data['state'], { early: 1, old: 1, stays: 1 });

    const writer = await client(t, first);
    await writer.acked(writer.set('d', 'live', 1));
    await patch(first, 'd', { patched: 1, old: null });
    await reader.expect('both updates', () => reader.fields()['patched'] === 1);
    t.same(reader.fields(), { early: 1, stays: 1, live: 1, patched: 1 });
    const { lastId } = reader;
    reader.close();
    await patch(first, 'd', { missed: 1, stays: null });
    await first.kill('SIGTERM');
    const second = await server(t, env);
    await patch(second, 'd', { later: 1 });

    const back = await EventClient.open(events(second), lastId);
    const missed = await back.expect('what was missed', ({ event }) => event === 'state');
    t.notOk('state' in missed.data, 'not all there is');
    const names = (missed.data['deltas'] as { field: string }[]).map(({ field }) => field);
    for (const name of ['later', 'missed', 'stays']) t.ok(names.includes(name), `${name} was missed`);
    // What was sent before it was durable may come again.
    t.notOk(names.includes('early'), 'what was received is not sent again');
    await patch(second, 'd', { last: 1 });
    await back.expect('the update', ({ event }) => event === 'update');
    back.close();
  });
}

test('events cross nodes, and resume on another one', async (t) => {
  const { nodes } = await cluster(t);
  const [one, two] = nodes;
  const reader = await EventClient.open(events(one));
  await patch(two, 'd', { a: 1 });
  await reader.expect('the update', () => reader.fields()['a'] === 1);
  await patch(one, 'd', { b: 1 });
  await reader.expect('the other', () => reader.fields()['b'] === 1);
  reader.close();
  await patch(one, 'd', { c: 1 });
  const back = await EventClient.open(events(two), reader.lastId);
  await back.expect('what was missed', () => back.fields()['c'] === 1);
  back.close();
});

test('a stream ends with the right to read, and is refused without it', async (t) => {
  const to = await server(t, { JWT_SECRET: secret });
  await t.rejects(EventClient.open(events(to)), /401/);
  await t.rejects(EventClient.open(events(to), '', { Authorization: `Bearer ${token('ann')}` }), /403/);
  const short = token('ann', { read: ['d'], expiresInMs: 3_000 });
  const reader = await EventClient.open(`${events(to)}?token=${short}`);
  await reader.expect('the state', ({ event }) => event === 'state');
  await until('its end', () => reader.isEnded);
  t.match(reader.events.at(-1), { event: 'error', data: { details: { code: 'TOKEN_EXPIRED' } } });
});

test('a stream gets heartbeats, and there is a bound of streams', async (t) => {
  const to = await server(t, { SYNCKIT_EVENT_HEARTBEAT_MS: '100', SYNCKIT_MAX_EVENT_STREAMS: '1' });
  const reader = await EventClient.open(events(to));
  await until('heartbeats', () => reader.comments > 3);
  await t.rejects(EventClient.open(events(to)), /429.*RATE_LIMIT_EXCEEDED/);
  reader.close();
  await until('room for another', async () => {
    const other = await EventClient.open(events(to)).catch(() => undefined);
    other?.close();
    return other !== undefined;
  });
});

test('an idle stream outlives the time that connections may be idle', async (t) => {
  const to = await server(t, { SYNCKIT_EVENT_HEARTBEAT_MS: '14000' });
  const reader = await EventClient.open(events(to));
  await until('a heartbeat', () => reader.comments > 0 || reader.isEnded);
  t.notOk(reader.isEnded);
  await patch(to, 'd', { a: 1 });
  await reader.expect('an update', () => reader.fields()['a'] === 1);
  reader.close();
});

test('a reader that takes nothing is disconnected, and resumes', async (t) => {
  const to = await server(t, { WS_MAX_BACKPRESSURE_BYTES: '256KiB' });
  const slow = await fetch(events(to));
  const body = slow.body!.getReader();
  await body.read();
  const big = 'x'.repeat(1_000_000);
  for (let i = 0; i < 40; i++) await patch(to, 'd', { big: `${i}${big}` });
  let received = 0;
  for (;;) {
    const part = await body.read().catch(() => undefined);
    if (part?.value === undefined) break;
    received += (part.value as Uint8Array).length;
  }
  t.ok(received < 40_000_000, 'it was not sent everything');
});
