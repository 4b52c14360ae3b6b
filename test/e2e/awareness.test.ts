import tap, { test, type Test } from 'tap';
import type { ClientOptions, Incoming, RawClient } from '../support/clients/client.js';
import { client, secret, server, token } from '../support/nodes/fixture.js';
import { until } from '../support/nodes/server.js';

const shared = await server(tap, { DATABASE_URL: 'memory:', JWT_SECRET: secret });
const everything = { read: ['*'], write: ['*'] };

/** A session of a user who may do everything. */
const as = (t: Test, userId: string, options: ClientOptions = {}) =>
  client(t, shared, { token: token(userId, everything), ...options });

/** Subscribes to the awareness of a document; answers with the states there are. */
async function follow(raw: RawClient, documentId: string): Promise<unknown> {
  const before = raw.received('awareness_state').length;
  raw.send('awareness_subscribe', { documentId });
  await until('the awareness state', () => raw.received('awareness_state').length > before);
  const answer = raw.received('awareness_state').at(-1)!;
  if (answer['documentId'] !== documentId) throw new Error('the state of another document');
  return answer['states'];
}

const show = (raw: RawClient, documentId: string, clientId: string, state: object | null, clock: number) =>
  raw.send('awareness_update', { documentId, clientId, state, clock });

/** The received updates of a document, without id and timestamp. */
function updates(raw: RawClient, documentId: string): object[] {
  const of = (m: Incoming) => ({ clientId: m['clientId'], state: m['state'], clock: m['clock'] });
  return raw
    .received('awareness_update')
    .filter((m) => m['documentId'] === documentId)
    .map(of);
}

/** Waits until a connection has got these updates and no others. */
async function got(t: Test, raw: RawClient, documentId: string, expected: object[], what = ''): Promise<void> {
  await until(`${expected.length} updates`, () => updates(raw, documentId).length >= expected.length).catch(
    () => undefined,
  );
  await raw.roundTrip();
  t.same(updates(raw, documentId), expected, what);
}

test('AWR1: all subscribers get each new state once, in both encodings, the sender included', async (t) => {
  const ann = await as(t, 'ann');
  const bob = await as(t, 'bob', { encoding: 'json' });
  const other = await as(t, 'other');
  for (const raw of [ann, bob]) t.same(await follow(raw, 'room'), []);
  await follow(other, 'elsewhere');
  const state = { cursor: { x: 1.5, y: -2 }, name: 'Änn "A" \u2028\u0000', list: [null] };
  show(ann, 'room', 'a', state, 1);
  await ann.roundTrip();
  show(bob, 'room', 'b', {}, 7);
  show(ann, 'room', 'a', { cursor: null }, 2);
  const expected = [
    { clientId: 'a', state, clock: 1 },
    { clientId: 'a', state: { cursor: null }, clock: 2 },
    { clientId: 'b', state: {}, clock: 7 },
  ];
  for (const raw of [ann, bob]) {
    await until('the updates', () => updates(raw, 'room').length >= 3);
    // Those of two connections may come in any order.
    const inOrder = (of: object[]) => of.map((update) => JSON.stringify(update)).sort();
    t.same(inOrder(updates(raw, 'room')), inOrder(expected));
  }
  t.same(updates(other, 'elsewhere'), []);
  const late = await as(t, 'late');
  t.same(await follow(late, 'room'), expected.slice(1), 'who comes later gets the newest of each');
  ann.send('unsubscribe', { documentId: 'room' });
  show(bob, 'room', 'b', { still: 'here' }, 8);
  await ann.expect('the update', (m) => m['clock'] === 8);
});

test('AWR1: an older or equal clock changes nothing; null leaves whatever the clock', async (t) => {
  const ann = await as(t, 'ann');
  await follow(ann, 'clocks');
  show(ann, 'clocks', 'a1', { n: 5 }, 5);
  show(ann, 'clocks', 'a1', { n: 4 }, 4);
  show(ann, 'clocks', 'a1', { n: 55 }, 5);
  const five = { clientId: 'a1', state: { n: 5 }, clock: 5 };
  await got(t, ann, 'clocks', [five]);
  show(ann, 'clocks', 'a1', null, 3);
  const left = { clientId: 'a1', state: null, clock: 5 };
  await got(t, ann, 'clocks', [five, left], 'with a clock not below the last');
  t.same(await follow(ann, 'clocks'), []);
  show(ann, 'clocks', 'a1', { n: 6 }, 6);
  await got(t, ann, 'clocks', [five, left, { clientId: 'a1', state: { n: 6 }, clock: 6 }]);
});

test('AWR2: a client id can not be used by another user while its owner is connected', async (t) => {
  const ann = await as(t, 'ann');
  const eve = await as(t, 'eve');
  await follow(ann, 'bound');
  show(ann, 'bound', 'a2', { real: true }, 1);
  await got(t, ann, 'bound', [{ clientId: 'a2', state: { real: true }, clock: 1 }]);
  for (const [documentId, state] of [
    ['bound', { fake: true }],
    ['bound', null],
  ] as const) {
    const refused = await eve.refused(show(eve, documentId, 'a2', state, 9));
    t.match(refused, { error: /^Permission denied/, details: { code: 'PERMISSION_DENIED', documentId } });
  }
  await ann.roundTrip();
  t.equal(updates(ann, 'bound').length, 1);
  await ann.close();
  await until('the id to be free', async () => {
    const before = eve.received('error').length;
    show(eve, 'bound', 'a2', {}, 10);
    await eve.roundTrip();
    return eve.received('error').length === before;
  });
  const annAgain = await as(t, 'ann');
  show(annAgain, 'bound', 'a2', { real: true }, 1);
  await annAgain.roundTrip();
  t.match(await follow(annAgain, 'bound'), [{ clientId: 'a2', state: { real: true } }], 'its owner has it again');
  const refused = await eve.refused(show(eve, 'bound', 'a2', { fake: true }, 11));
  t.equal(refused.details['code'], 'PERMISSION_DENIED');
});

test('AWR2: a client id in one document says nothing of another', async (t) => {
  const victim = await as(t, 'victim');
  const eve = await as(t, 'eve');
  show(eve, 'other', 'victim-9', {}, 1);
  await eve.roundTrip();
  show(victim, 'pub', 'victim-9', { real: true }, 1);
  await victim.roundTrip();
  t.same(victim.received('error'), []);
  t.match(await follow(victim, 'pub'), [{ clientId: 'victim-9', state: { real: true } }]);
});

test('AWR2: a client of the same user moves to its new connection, also with its clock started again', async (t) => {
  const watcher = await as(t, 'watcher');
  await follow(watcher, 'moved');
  const before = await as(t, 'ann');
  show(before, 'moved', 'a3', { n: 1 }, 50);
  await watcher.expect('the state', (m) => m['clock'] === 50);
  const after = await as(t, 'ann');
  show(after, 'moved', 'a3', { n: 2 }, 1);
  await watcher.expect('the new state', (m) => m['clock'] === 1);
  t.same(await follow(await as(t, 'late'), 'moved'), [{ clientId: 'a3', state: { n: 2 }, clock: 1 }]);
  // The end of the old connection removes nothing.
  await before.close();
  show(after, 'moved', 'a3', { n: 3 }, 2);
  await got(t, watcher, 'moved', [
    { clientId: 'a3', state: { n: 1 }, clock: 50 },
    // Otherwise subscribers that compare clocks would ignore the new state.
    { clientId: 'a3', state: null, clock: 50 },
    { clientId: 'a3', state: { n: 2 }, clock: 1 },
    { clientId: 'a3', state: { n: 3 }, clock: 2 },
  ]);
});

test('AWR3: the clients of a connection leave when it ends, however it ends', async (t) => {
  const watcher = await as(t, 'watcher', { encoding: 'json' });
  for (const documentId of ['end-1', 'end-2']) await follow(watcher, documentId);
  for (const [i, end] of (['close', 'terminate'] as const).entries()) {
    const ann = await as(t, 'ann');
    const clientId = `leaver-${i}`;
    for (const documentId of ['end-1', 'end-2']) show(ann, documentId, clientId, { here: true }, 3);
    await watcher.expect('the arrival', (m) => m['clientId'] === clientId && m['documentId'] === 'end-2');
    ann.socket[end]();
    for (const documentId of ['end-1', 'end-2']) {
      const left = await watcher.expect('the leaving', (m) => {
        return m['clientId'] === clientId && m['state'] === null && m['documentId'] === documentId;
      });
      t.equal(left['clock'], 3);
    }
  }
  t.same(await follow(watcher, 'end-1'), []);
});

test('AWR4: a state that is not renewed is removed; a renewed one stays', async (t) => {
  const hasty = await server(t, { DATABASE_URL: 'memory:', SYNCKIT_AWARENESS_TIMEOUT_MS: '2000' });
  const watcher = await client(t, hasty);
  const ann = await client(t, hasty);
  await follow(watcher, 'd');
  show(ann, 'd', 'renewed', { n: 1 }, 1);
  show(ann, 'd', 'stale', { n: 1 }, 4);
  await watcher.expect('the state', (m) => m['clientId'] === 'stale');
  // The same state and clock again: a renewal.
  const renewing = setInterval(() => show(ann, 'd', 'renewed', { n: 1 }, 1), 100);
  t.teardown(() => clearInterval(renewing));
  const left = await watcher.expect('the leaving', (m) => m['clientId'] === 'stale' && m['state'] === null);
  t.equal(left['clock'], 4);
  t.same(await follow(watcher, 'd'), [{ clientId: 'renewed', state: { n: 1 }, clock: 1 }]);
  t.equal(updates(watcher, 'd').length, 3);
});

test('AWR5: awareness needs the permission to read and no more', async (t) => {
  const reader = await client(t, shared, { token: token('reader', { read: ['awr5'] }) });
  t.same(await follow(reader, 'awr5'), []);
  show(reader, 'awr5', 'r', { reading: true }, 1);
  await got(t, reader, 'awr5', [{ clientId: 'r', state: { reading: true }, clock: 1 }]);
  const writer = await client(t, shared, { token: token('writer', { write: ['awr5'] }) });
  const asks = [writer.send('awareness_subscribe', { documentId: 'awr5' }), show(writer, 'awr5', 'w', {}, 1)];
  for (const id of asks) t.match((await writer.refused(id)).details, { code: 'PERMISSION_DENIED' });
  t.same((await reader.subscribe('awr5'))['state'], {}, 'it is not part of the document');
});

test('malformed updates are refused', async (t) => {
  const raw = await as(t, 'ann', { encoding: 'json' });
  const good = { documentId: 'bad', clientId: 'm', state: {}, clock: 1 };
  const bad = [
    { clientId: 7 },
    { clientId: '' },
    { clientId: 'x'.repeat(257) },
    { state: 'here' },
    { state: [] },
    { state: undefined },
    { clock: -1 },
    { clock: '1' },
    { clock: undefined },
  ];
  for (const part of bad) {
    const { details } = await raw.refused(raw.send('awareness_update', { ...good, ...part }));
    t.match(details, { code: 'INVALID_MESSAGE', documentId: 'bad' }, JSON.stringify(part));
  }
  t.same(await follow(raw, 'bad'), []);
});

test('a subscriber that switches to JSON still gets every update once', async (t) => {
  const raw = await as(t, 'ann');
  await follow(raw, 'switch');
  show(raw, 'switch', 's', { n: 1 }, 1);
  await raw.roundTrip();
  const text = {
    type: 'awareness_update',
    id: 'x',
    timestamp: 1,
    documentId: 'switch',
    clientId: 's',
    state: { n: 2 },
    clock: 2,
  };
  raw.socket.send(JSON.stringify(text));
  await raw.expect('the update', (m) => m['clock'] === 2);
  await got(t, raw, 'switch', [
    { clientId: 's', state: { n: 1 }, clock: 1 },
    { clientId: 's', state: { n: 2 }, clock: 2 },
  ]);
});
