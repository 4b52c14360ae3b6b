import tap, { test, type Test } from 'tap';
import { signToken } from '../../../src/auth/tokens/tokens.js';
import type { MessageType } from '../../../src/protocol/codes.js';
import type { ClientOptions, RawClient } from '../../support/clients/client.js';
import { client, secret, server, token } from '../../support/nodes/fixture.js';

const guarded = await server(tap, { JWT_SECRET: secret, DATABASE_URL: 'memory:', SHARDS: '1' });
const open = await server(tap, { JWT_SECRET: secret, SYNCKIT_AUTH_REQUIRED: 'false', DATABASE_URL: 'memory:' });

const everything = { read: ['*'], write: ['*'] };
const connect = (t: Test, options: ClientOptions = {}) => client(t, guarded, options);

/** A message of each type that clients send, except auth, ping, pong and ack; all name a document. */
function asks(documentId: string, clientId = 'c'): [MessageType, Record<string, unknown>][] {
  return [
    ['subscribe', { documentId }],
    ['sync_request', { documentId }],
    ['sync_step1', { documentId, stateVector: {} }],
    ['unsubscribe', { documentId }],
    ['awareness_subscribe', { documentId }],
    ['awareness_update', { documentId, clientId, state: {}, clock: 1 }],
    ['delta', { documentId, field: 'f', value: 1 }],
    ['delta_batch', { documentId, deltas: [{ field: 'f', value: 1 }] }],
  ];
}
const writes: readonly MessageType[] = ['delta', 'delta_batch'];

/** A complete chunk set of one chunk. */
function chunked(message: object): Record<string, unknown> {
  const data = Buffer.from(JSON.stringify(message)).toString('base64');
  return { chunkId: 'c', totalChunks: 1, chunkIndex: 0, data };
}

let clientIds = 0;

/** Which of these types are refused with PERMISSION_DENIED; the others must not be refused at all. */
async function denied(raw: RawClient, documentId: string): Promise<MessageType[]> {
  const refused: MessageType[] = [];
  const clientId = `c-${++clientIds}`;
  for (const [type, fields] of asks(documentId, clientId)) {
    const before = raw.received('error').length;
    const id = raw.send(type, fields);
    // Writes are answered by a shard, everything else by the acceptor or later.
    if (writes.includes(type)) await raw.expect('an answer', (m) => m['messageId'] === id || errorTo(m) === id);
    else await raw.roundTrip();
    for (const { details, error } of raw.received('error').slice(before)) {
      if ((details as { code: string }).code !== 'PERMISSION_DENIED') throw new Error(JSON.stringify(details));
      if (!(error as string).startsWith('Permission denied')) throw new Error(error as string);
      refused.push(type);
    }
  }
  return refused;
}

const errorTo = (m: { readonly [key: string]: unknown }) =>
  (m['details'] as { messageId?: string } | undefined)?.messageId;
const all = asks('').map(([type]) => type);

test('AUT1: a token comes by message, in the query, or in the header', async (t) => {
  const valid = token('ann', everything);
  const byMessage = await connect(t);
  byMessage.send('auth', { token: valid });
  const welcome = await byMessage.expect('auth_success', (m) => m.type === 'auth_success');
  t.match(welcome, { userId: 'ann', permissions: { canRead: ['*'], canWrite: ['*'], isAdmin: false } });

  const others = [
    await connect(t, { token: valid }),
    await connect(t, { headers: { authorization: `Bearer ${valid}` } }),
    await connect(t, { encoding: 'json', headers: { Authorization: `bearer  ${valid}` } }),
  ];
  for (const raw of others) t.equal((await raw.subscribe('d')).type, 'sync_response', 'before any message');
  // A connection may renew its token.
  others[0]!.send('auth', { token: valid });
  await others[0]!.expect('auth_success', (m) => m.type === 'auth_success');
});

test('AUT1: a message right after the auth message is accepted', async (t) => {
  const raw = await connect(t);
  raw.send('auth', { token: token('ann', everything) });
  await raw.acked(raw.set('at-once', 'f', 1));
});

test('AUT2: an invalid token is refused with auth_error and 1008, however it is sent and also where none is required', async (t) => {
  const permissions = { canRead: ['*'], canWrite: ['*'], isAdmin: true };
  const valid = token('ann', everything);
  const [header = '', payload = '', signature = ''] = valid.split('.');
  const unsigned = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url');
  const bad: [string, string, string][] = [
    ['malformed', 'nonsense', 'AUTH_FAILED'],
    [
      'other secret',
      signToken({ secret: secret.toUpperCase(), userId: 'ann', permissions, expiresInMs: 60_000 }),
      'AUTH_FAILED',
    ],
    ['changed', `${header}.${payload.slice(0, -2)}AA.${signature}`, 'AUTH_FAILED'],
    ['unsigned', `${unsigned}.${payload}.`, 'AUTH_FAILED'],
    ['without a user', signToken({ secret, userId: '', permissions, expiresInMs: 60_000 }), 'AUTH_FAILED'],
    ['expired', token('ann', { ...everything, expiresInMs: -5_000 }), 'TOKEN_EXPIRED'],
  ];
  const sentences: Record<string, RegExp> = { AUTH_FAILED: /^Authentication failed/, TOKEN_EXPIRED: /^Token expired/ };
  for (const to of [guarded, open]) {
    for (const [what, wrong, code] of bad) {
      const asMessage = await client(t, to);
      asMessage.send('auth', { token: wrong });
      const inQuery = await client(t, to, { token: wrong });
      const inHeader = await client(t, to, { headers: { authorization: `Bearer ${wrong}` } });
      for (const raw of [asMessage, inQuery, inHeader]) {
        t.equal((await raw.end()).code, 1008, what);
        t.match(raw.messages, [{ type: 'auth_error', error: sentences[code], details: { code } }], what);
      }
    }
  }
  const without = await connect(t, { encoding: 'json' });
  without.send('auth');
  t.equal((await without.end()).code, 1008, 'no token where one is needed');
  t.match(without.messages, [{ type: 'auth_error' }]);
});

test('AUT3: before authentication everything else is refused, and the connection stays', async (t) => {
  const raw = await connect(t);
  for (const [type, fields] of [...asks('aut3'), ['delta_batch_chunk', chunked({})] as const]) {
    const { details, error } = await raw.refused(raw.send(type, fields));
    t.match(details, { code: 'AUTH_REQUIRED' }, type);
    t.match(error, /^Not authenticated/);
  }
  raw.send('ack', { messageId: 'x' });
  raw.send('pong');
  await raw.roundTrip();
  t.equal(raw.received('error').length, all.length + 1, 'ack, ping and pong are free');
  raw.send('auth', { token: token('ann', everything) });
  t.same((await raw.subscribe('aut3'))['state'], {}, 'nothing was applied');
});

test('AUT4: a connection that does not authenticate in time is closed with 1008', async (t) => {
  const impatient = await server(t, { JWT_SECRET: secret, SYNCKIT_AUTH_TIMEOUT_MS: '300' });
  const silent = await client(t, impatient);
  const busy = await client(t, impatient, { encoding: 'json' });
  const known = await client(t, impatient, { token: token('ann', everything) });
  busy.send('ping');
  for (const raw of [silent, busy]) {
    t.equal((await raw.end()).code, 1008);
    t.match(raw.received('error'), [{ details: { code: 'AUTH_REQUIRED' } }]);
  }
  await known.subscribe('d');
  t.equal(known.closed, undefined);
});

test('AUT5: without required authentication everyone may read and write; auth without a token is welcomed', async (t) => {
  const raw = await client(t, open);
  t.same(await denied(raw, 'aut5'), []);
  raw.send('auth');
  const welcome = await raw.expect('auth_success', (m) => m.type === 'auth_success');
  t.match(welcome, { userId: 'anonymous', permissions: { canRead: ['*'], canWrite: ['*'], isAdmin: false } });
  raw.send('auth', { token: token('ann', { read: ['mine'] }) });
  await raw.expect('the welcome of ann', (m) => m['userId'] === 'ann');
  t.same(await denied(raw, 'aut5'), all, 'a token says what counts from then on');
});

test('AUT6: a session ends with its token unless it is renewed', async (t) => {
  const short = { ...everything, expiresInMs: 3_000 };
  const ending = await connect(t, { token: token('ann', short) });
  const renewing = await connect(t, { token: token('ann', short) });
  renewing.send('auth', { token: token('ann', { read: ['kept'], write: [] }) });
  await renewing.expect('auth_success', (m) => m.type === 'auth_success');
  t.equal((await ending.end()).code, 1008);
  t.match(ending.received('error'), [{ error: /^Token expired/, details: { code: 'TOKEN_EXPIRED' } }]);
  await renewing.subscribe('kept');
  t.match((await renewing.refused(renewing.set('kept', 'f', 1))).details, { code: 'PERMISSION_DENIED' });
  t.match((await renewing.refused(renewing.send('subscribe', { documentId: 'other' }))).details, {
    code: 'PERMISSION_DENIED',
  });
});

test('AUT6, FAN6: after a renewal, no update of a document that may no longer be read', async (t) => {
  const raw = await connect(t, { token: token('ann', { read: ['lost', 'kept'] }) });
  for (const documentId of ['lost', 'kept']) {
    await raw.subscribe(documentId);
    raw.send('awareness_subscribe', { documentId });
  }
  await raw.roundTrip();
  raw.send('auth', { token: token('ann', { read: ['kept'] }) });
  await raw.expect('auth_success', (m) => m.type === 'auth_success');
  const before = raw.messages.length;

  const writer = await connect(t, { token: token('root', { admin: true }) });
  for (const documentId of ['lost', 'kept']) {
    await writer.acked(writer.set(documentId, 'f', 1));
    writer.send('awareness_update', { documentId, clientId: 'w', state: { at: 1 }, clock: 1 });
  }
  await raw.expect('the last update', (m) => m.type === 'awareness_update' && m['documentId'] === 'kept');
  t.same([...new Set(raw.messages.slice(before).map((m) => m['documentId']))], ['kept']);
});

test('AUT7: reading and writing are separate permissions, administrators have both, * is every document', async (t) => {
  const reads = all.filter((type) => !writes.includes(type));
  const cases: [string, Parameters<typeof token>[1], MessageType[]][] = [
    ['nothing', {}, all],
    ['read', { read: ['a', 'aut7'] }, [...writes]],
    ['write', { write: ['aut7'] }, reads],
    ['both', { read: ['aut7'], write: ['aut7'] }, []],
    ['another document', { read: ['aut', 'aut77', 'AUT7'], write: ['aut', 'aut77', 'AUT7'] }, all],
    ['read *', { read: ['*'] }, [...writes]],
    ['write *', { write: ['x', '*'] }, reads],
    ['admin', { admin: true }, []],
  ];
  for (const [what, rights, expected] of cases) {
    const raw = await connect(t, { token: token(what, rights) });
    t.same(await denied(raw, 'aut7'), expected, what);
    raw.send(
      'delta_batch_chunk',
      chunked({ type: 'delta', id: 'in', timestamp: 1, documentId: 'aut7', field: 'f', value: 1 }),
    );
    if (expected.includes('delta')) t.match((await raw.refused('in')).details, { code: 'PERMISSION_DENIED' }, what);
    else await raw.acked('in');
  }
});

test('FAN6: a writer without permission to read receives no updates of the document', async (t) => {
  const writer = await connect(t, { token: token('w', { write: ['fan6'] }) });
  await writer.acked(writer.set('fan6', 'f', 1));
  const reader = await connect(t, { token: token('r', { read: ['fan6'] }) });
  t.same((await reader.subscribe('fan6'))['state'], { f: 1 });
  await writer.acked(writer.set('fan6', 'f', 2));
  await reader.expect('the update', (m) => m['value'] === 2);
  await writer.roundTrip();
  t.same([...new Set(writer.messages.map((m) => m.type))], ['ack', 'pong']);
});

test('AUT8: no write reaches a document other than the one that permission was checked for', async (t) => {
  const raw = await connect(t, { encoding: 'json', token: token('ann', { read: ['mine'], write: ['mine'] }) });
  const root = await connect(t, { token: token('root', { admin: true }) });
  await root.subscribe('theirs');
  const op = '"field":"f","value":1';
  const tries = [
    `{"type":"delta","id":"ID","timestamp":1,"documentId":"mine","documentId":"theirs",${op}}`,
    `{"type":"delta","id":"ID","timestamp":1,"documentId":"theirs","documentId":"mine",${op}}`,
    `{"type":"delta","id":"ID","timestamp":1,"documentId":"mine","payload":{"documentId":"theirs",${op}}}`,
    `{"type":"delta","id":"ID","timestamp":1,"payload":{"documentId":"mine","documentId":"theirs",${op}}}`,
    `{"type":"delta","id":"ID","timestamp":1,"payload":{"documentId":"mine",${op}},"payload":{"documentId":"theirs",${op}}}`,
    `{"type":"delta","id":"ID","timestamp":1,"document\\u0049d":"mine","documentId":"theirs",${op}}`,
    `{"type":"delta_batch","id":"ID","timestamp":1,"documentId":"mine","deltas":[{${op}},{"documentId":"theirs",${op}}]}`,
    `{"type":"delta_batch","id":"ID","timestamp":1,"documentId":"mine","documentId":"theirs","deltas":[{${op}}]}`,
    `{"type":"delta","type":"delta_batch","id":"ID","timestamp":1,"documentId":"mine","deltas":[{"documentId":"theirs",${op}}]}`,
  ];
  for (const [i, text] of tries.entries()) {
    raw.socket.send(text.replace('ID', `try-${i}`));
    t.match((await raw.refused(`try-${i}`)).details, { code: 'PERMISSION_DENIED' }, text);
    const data = Buffer.from(text.replace('ID', `chunk-${i}`)).toString('base64');
    raw.send('delta_batch_chunk', { chunkId: `set-${i}`, totalChunks: 1, chunkIndex: 0, data });
    t.match((await raw.refused(`chunk-${i}`)).details, { code: 'PERMISSION_DENIED' }, `${text} in chunks`);
  }
  t.same((await root.subscribe('theirs'))['state'], {});
  t.same((await root.subscribe('mine'))['state'], {});
});
