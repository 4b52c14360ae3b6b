/** What documents were, over HTTP: activity, the past and rollbacks, on each storage that keeps them. */
import { test } from 'tap';
import { client, secret, server, token } from '../../support/nodes/fixture.js';
import { nextMillisecond } from '../../support/next-millisecond.js';
import { database } from '../../support/postgres/postgres.js';
import { Historian } from './historian.js';

const common = { JWT_SECRET: secret, AUTH_REQUIRED: 'true', HISTORY_PREFIXES: 'order:, contract:' };

/** A time between what was written before and what is written after. */
async function between(): Promise<number> {
  await nextMillisecond();
  const now = Date.now();
  await nextMillisecond();
  return now;
}

for (const storage of ['lmdb', 'postgres', 'memory'] as const) {
  const envOf = async (t: Parameters<typeof database>[0]): Promise<NodeJS.ProcessEnv> => {
    if (storage === 'lmdb') return common;
    return { ...common, DATABASE_URL: storage === 'memory' ? 'memory:' : (await database(t)).url };
  };

  test(`who changed what is told, by author and pause (${storage})`, async (t) => {
    const to = await server(t, await envOf(t));
    const [ann, bob] = [new Historian(to, 'ann'), new Historian(to, 'bob')];
    t.equal(await ann.status('GET', '/documents/order:1/activity'), '404 DOCUMENT_NOT_FOUND');
    await ann.ask('PATCH', '/documents/order:1', { price: 1.5, note: 'x' });
    const socket = await client(t, to, { token: token('bob', { read: ['*'], write: ['*'] }) });
    const id = socket.set('order:1', 'price', 2, { clientId: 'phone', clock: { phone: 1 } });
    await socket.acked(id);
    await ann.ask('PATCH', '/documents/order:1', { note: null });
    await ann.ask('PATCH', '/documents/order:1', { note: null });

    const groups = await bob.activity('order:1');
    t.match(groups, [
      {
        user: 'ann',
        changes: 3,
        fields: [
          { field: 'note', changes: 2 },
          { field: 'price', after: 1.5, changes: 1 },
        ],
      },
      { user: 'bob', clients: ['phone'], changes: 1, fields: [{ field: 'price', before: 1.5, after: 2, changes: 1 }] },
    ]);
    t.notOk('before' in groups[0]!.fields[0]! || 'after' in groups[0]!.fields[0]!);
    t.equal(groups.length, 2);
    const single = await bob.activity('order:1', { field: 'price', pause: '0', limit: '1' });
    t.strictSame(
      single.map(({ user, fields }) => [user, fields]),
      [
        ['bob', [{ field: 'price', before: 1.5, after: 2, changes: 1 }]],
        ['ann', [{ field: 'price', after: 1.5, changes: 1 }]],
      ],
    );
    t.strictSame(
      (await bob.activity('order:1', { user: 'bob' })).map(({ user }) => user),
      ['bob'],
    );
    t.equal(await ann.status('GET', '/documents/order:1/activity?limit=0'), '400 INVALID_REQUEST');
    const huge = Buffer.from('1.9999999999').toString('base64url');
    for (const cursor of ['x', huge]) {
      t.equal(await ann.status('GET', `/documents/order:1/activity?cursor=${cursor}`), '400 INVALID_REQUEST');
    }
  });

  test(`a document is read as it was, with its text (${storage})`, async (t) => {
    const to = await server(t, await envOf(t));
    const ann = new Historian(to, 'ann');
    const start = await between();
    await ann.ask('PATCH', '/documents/order:1', { a: 1, big: 12345678901234567890n.toString() });
    await ann.ask('PUT', '/documents/order:1/text', { content: 'Hello' });
    const first = await between();
    await ann.ask('PATCH', '/documents/order:1', { a: null, b: { c: [1] } });
    await ann.ask('PUT', '/documents/order:1/text', { content: 'Hello, world' });
    const second = await between();
    await ann.ask('PUT', '/documents/order:1/text', { content: '' });
    t.strictSame(await ann.at('order:1', start), { fields: {} });
    const past = { fields: { a: 1, big: '12345678901234567890' }, text: 'Hello' };
    t.strictSame(await ann.at('order:1', first), past);
    t.strictSame(await ann.at('order:1', new Date(first).toISOString()), past);
    t.strictSame(await ann.at('order:1', second), {
      fields: { b: { c: [1] }, big: '12345678901234567890' },
      text: 'Hello, world',
    });
    t.strictSame((await ann.at('order:1', Date.now() + 60_000)).text, '');
    const [group] = await ann.activity('order:1');
    t.equal(group!.text?.changes, 3);
    for (const time of ['x', '-1', '2026-13-01T00:00:00Z', '99999999999999999']) {
      t.equal(await ann.status('GET', `/documents/order:1/at/${time}`), '400 INVALID_REQUEST', time);
    }
  });

  test(`changes are taken back by an ordinary write (${storage})`, async (t) => {
    const to = await server(t, await envOf(t));
    const [ann, bob] = [new Historian(to, 'ann'), new Historian(to, 'bob')];
    await ann.ask('PATCH', '/documents/order:1', { a: 1, b: 1, c: 1, d: 1 });
    await ann.ask('PUT', '/documents/order:1/text', { content: 'ann' });
    const noon = await between();
    await bob.ask('PATCH', '/documents/order:1', { a: 2, b: 2, e: 2 });
    await bob.ask('PUT', '/documents/order:1/text', { content: 'bob' });
    await ann.ask('PATCH', '/documents/order:1', { b: 3, c: 3 });
    await bob.ask('PATCH', '/documents/order:1', { a: 4, d: null });
    const follower = await client(t, to, { token: token('eve', { read: ['*'] }) });
    await follower.subscribe('order:1');

    const done = await ann.json<Record<string, string[]>>('POST', '/documents/order:1/rollback', {
      since: new Date(noon).toISOString(),
      user: 'bob',
    });
    t.strictSame(
      { ...done, changed: done['changed']!.sort() },
      { changed: ['a', 'd', 'e'], kept: ['b'], text: 'changed' },
    );
    t.strictSame(await ann.at('order:1', Date.now() + 1_000), { fields: { a: 1, b: 3, c: 3, d: 1 }, text: 'ann' });
    t.strictSame(await ann.fields('order:1'), { a: 1, b: 3, c: 3, d: 1 });
    await follower.expect('the field of the rollback', (m) => JSON.stringify(m).includes('"field":"d"'));
    const [last] = await ann.activity('order:1');
    t.equal(last!.user, 'ann', 'it is part of the history');

    const some = await bob.json('POST', '/documents/order:1/rollback', { since: noon, fields: ['c', 'none'] });
    t.strictSame(some, { changed: ['c'], kept: [], text: 'unchanged' });
    const rest = await bob.json('POST', '/documents/order:1/rollback', { since: noon });
    t.strictSame(rest, { changed: ['b'], kept: [], text: 'unchanged' });
    t.strictSame(await bob.fields('order:1'), { a: 1, b: 1, c: 1, d: 1 });
    t.strictSame(await bob.json('POST', '/documents/order:1/rollback', { since: noon }), {
      ...{ changed: [], kept: [], text: 'unchanged' },
    });
    t.match(to.log.filter((line) => (line as { event?: string }).event === 'document_rolled_back')[0], {
      audit: true,
      actor: 'ann',
      target: 'order:1',
      change: { user: 'bob', changed: 3, kept: 1, text: 'changed' },
    });
    for (const body of [{}, { fields: ['a'] }, { since: 'x' }, { since: noon, more: 1 }, []]) {
      t.equal(await ann.status('POST', '/documents/order:1/rollback', body), '400 INVALID_REQUEST');
    }
  });

  test(`what may be read of the past is what may be read (${storage})`, async (t) => {
    const to = await server(t, await envOf(t));
    const ann = new Historian(to, 'ann');
    await ann.ask('PATCH', '/documents/other', { a: 1 });
    await ann.ask('PATCH', '/documents/order:1', { a: 1 });
    t.equal(await ann.status('GET', '/documents/other/activity'), '404 HISTORY_OFF');
    t.equal(await ann.status('GET', '/documents/other/at/1'), '404 HISTORY_OFF');
    t.equal(await ann.status('POST', '/documents/other/rollback', { since: 1 }), '404 HISTORY_OFF');
    const asked = (credential: string, method: string, path: string): Promise<number> =>
      fetch(`${to.http}/documents/order:1/${path}`, {
        method,
        headers: {
          'Content-Type': 'application/json',
          ...(credential === '' ? {} : { Authorization: `Bearer ${credential}` }),
        },
        ...(method === 'POST' ? { body: '{"since":1}' } : {}),
      }).then(({ status }) => status);
    const [stranger, reader, writer] = [token('x'), token('x', { read: ['*'] }), token('x', { write: ['*'] })];
    for (const [method, path, allowed, refused] of [
      ['GET', 'activity', reader, writer],
      ['GET', `at/${Date.now()}`, reader, writer],
      ['POST', 'rollback', writer, reader],
    ] as const) {
      t.equal(await asked('', method, path), 401, path);
      t.equal(await asked(stranger, method, path), 403, path);
      t.equal(await asked(refused, method, path), 403, path);
      t.equal(await asked(allowed, method, path), 200, path);
    }
    const root = new Historian(to, 'ann');
    const admin = { Authorization: `Bearer ${token('root', { admin: true })}` };
    await fetch(`${to.http}/documents/order:1`, { method: 'DELETE', headers: admin });
    for (const path of ['activity', `at/${Date.now()}`])
      t.equal(await root.status('GET', `/documents/order:1/${path}`), '404 DOCUMENT_DELETED');
    t.equal(await root.status('POST', '/documents/order:1/rollback', { since: 1 }), '404 DOCUMENT_DELETED');
    await fetch(`${to.http}/documents/order:1?hard=true`, { method: 'DELETE', headers: admin });
    t.strictSame(await root.activity('order:1'), []);
    t.equal(await root.status('GET', `/documents/order:1/at/${Date.now()}`), '410 HISTORY_NOT_KEPT');
  });
}

test('without prefixes there is no history', async (t) => {
  const to = await server(t, { JWT_SECRET: secret, DATABASE_URL: 'memory:' });
  const ann = new Historian(to, 'ann');
  await ann.ask('PATCH', '/documents/order:1', { a: 1 });
  t.equal(await ann.status('GET', '/documents/order:1/activity'), '404 HISTORY_OFF');
});
