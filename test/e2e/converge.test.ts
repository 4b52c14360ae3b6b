import tap, { test, type Test } from 'tap';
import type { ClientOptions, Incoming, RawClient } from '../support/clients/client.js';
import { client, folder, server } from '../support/nodes/fixture.js';
import { nextMillisecond } from '../support/next-millisecond.js';
import { Replica } from '../support/clients/replica.js';
import { until, type ServerProcess } from '../support/nodes/server.js';

const removed = { __deleted: true };

/** The kinds of clients: each receives changes in its own kind of frame. */
const kinds = [
  { name: 'plain binary', encoding: 'binary', supportsBatch: false },
  { name: 'supportsBatch binary', encoding: 'binary', supportsBatch: true },
  { name: 'plain JSON', encoding: 'json', supportsBatch: false },
  { name: 'supportsBatch JSON', encoding: 'json', supportsBatch: true },
] as const;

interface Peer {
  readonly name: string;
  readonly supportsBatch: boolean;
  readonly raw: RawClient;
  readonly replica: Replica;
}

/** One client of each kind, subscribed to the document. */
async function connectAll(t: Test, to: ServerProcess, documentId: string, former?: Peer[]): Promise<Peer[]> {
  const peers: Peer[] = [];
  for (const [i, { name, encoding, supportsBatch }] of kinds.entries()) {
    const raw = await client(t, to, { encoding });
    const replica = new Replica(raw, documentId, former?.[i]?.replica);
    if (supportsBatch) await raw.acked(raw.send('delta_batch', { documentId, deltas: [] }));
    await raw.subscribe(documentId);
    peers.push({ name, supportsBatch, raw, replica });
  }
  return peers;
}

/** Writes one field as a client of this kind does; resolves when it is acknowledged. */
async function write(peer: Peer, documentId: string, field: string, value: unknown): Promise<void> {
  const { raw, supportsBatch, name } = peer;
  const clientId = name.replace(' ', '-');
  const operation = { field, value, clientId, clock: { [clientId]: 1 } };
  const deltas = [{ ...operation, type: 'set', documentId, timestamp: Date.now() }];
  const id = supportsBatch
    ? raw.send('delta_batch', { documentId, deltas })
    : raw.send('delta', { documentId, ...operation });
  await raw.acked(id);
}

async function agree(t: Test, peers: readonly Peer[], expected: Record<string, unknown>): Promise<void> {
  const wanted = JSON.stringify(expected);
  for (const { name, replica } of peers) {
    await until(`${name} to hold ${wanted}, not ${JSON.stringify(replica.state)}`, () => {
      return JSON.stringify(replica.state) === wanted;
    }).catch((error: unknown) => t.fail(String(error)));
    t.same(replica.state, expected, name);
  }
}

test('ORD1, FAN1: clients of every kind converge, live and after kill -9 (ACK1)', async (t) => {
  const documentId = 'shared';
  const SYNCKIT_DATA_DIR = await folder(t);
  const first = await server(t, { SYNCKIT_DATA_DIR });
  const peers = await connectAll(t, first, documentId);

  for (const peer of peers) await write(peer, documentId, peer.name, { by: peer.name, list: [1, null, 'ü\u0000"'] });
  for (const peer of peers) await write(peer, documentId, 'contested', peer.name);
  await write(peers[0]!, documentId, 'nothing', null);
  await write(peers[1]!, documentId, 'gone', 1);
  await write(peers[2]!, documentId, 'gone', removed);
  const expected: Record<string, unknown> = { contested: 'supportsBatch JSON' };
  for (const { name } of kinds) expected[name] = { by: name, list: [1, null, 'ü\u0000"'] };
  expected['nothing'] = null;
  const sorted = (state: object) => Object.fromEntries(Object.entries(state).sort(([a], [b]) => (a < b ? -1 : 1)));
  await agree(t, peers, sorted(expected));
  for (const { name, supportsBatch, raw } of peers) {
    t.equal(raw.received('delta').length === 0, supportsBatch, `${name}: delta`);
    t.equal(raw.received('delta_batch').length === 0, !supportsBatch, `${name}: delta_batch`);
    t.same(raw.received('error'), [], name);
  }

  await first.kill('SIGKILL');
  const second = await server(t, { SYNCKIT_DATA_DIR });
  const again = await connectAll(t, second, documentId, peers);
  await agree(t, again, sorted(expected));
  // Clients that compare clocks accept values of the restarted server only if its stamps are above the former ones.
  for (const peer of again) await write(peer, documentId, 'contested', `${peer.name} again`);
  await write(again[0]!, documentId, 'nothing', removed);
  delete expected['nothing'];
  await agree(t, again, sorted({ ...expected, contested: 'supportsBatch JSON again' }));
});

const shared = await server(tap);
let documents = 0;

/** A new document, a client that writes to it, and a subscriber. */
async function writerAndListener(t: Test, options: ClientOptions = {}) {
  const documentId = `document-${++documents}`;
  const writer = await client(t, shared, options);
  const listener = await client(t, shared, options);
  await listener.subscribe(documentId);
  return { documentId, writer, listener };
}

const fieldsOf = (messages: Incoming[]) => messages.map(({ field, value }) => [field, value]);

test('ORD4: a write that loses is acknowledged, and only its sender gets the winner', async (t) => {
  const { documentId, writer, listener } = await writerAndListener(t);
  const now = Date.now();
  await listener.acked(listener.set(documentId, 'f', 'won', { clientId: 'a', timestamp: now }));
  const read = await listener.subscribe(documentId);
  await writer.acked(writer.set(documentId, 'f', 'lost', { clientId: 'b', timestamp: now - 1_000 }));
  const told = await writer.expect('the winner', (m) => m.type === 'delta');
  t.match(told, { documentId, field: 'f', value: 'won', clientId: 'server' });
  const stamps = (m: Incoming) => m['clock'] as Record<string, number>;
  t.ok(stamps(told)['server']! > stamps(read)['server']!, 'a stamp above all that was sent');
  t.equal(stamps(told)['b'], stamps(told)['server'], 'the loser’s own counter is lifted');
  await listener.acked(listener.set(documentId, 'g', 1));
  t.same(fieldsOf(listener.received('delta')), [['f', 'won']], 'the others hear nothing of it: replayed once');
});

test('ORD1: the greater counter and then the greater client id win within a millisecond', async (t) => {
  const { documentId, writer, listener } = await writerAndListener(t);
  const timestamp = Date.now();
  const put = (value: string, clientId: string, count: number) =>
    writer.acked(writer.set(documentId, 'f', value, { clientId, clock: { [clientId]: count }, timestamp }));
  await put('b5', 'b', 5);
  await put('z4', 'z', 4);
  await put('a5', 'a', 5);
  t.same((await listener.subscribe(documentId))['state'], { f: 'b5' });
  await put('c5', 'c', 5);
  t.same((await listener.subscribe(documentId))['state'], { f: 'c5' });
});

test('ORD2: a timestamp in the far future counts as now', async (t) => {
  const { documentId, writer, listener } = await writerAndListener(t);
  await writer.acked(writer.set(documentId, 'f', 'from the future', { timestamp: Date.now() + 3_600_000 }));
  // The two writes must not fall into one millisecond.
  await nextMillisecond();
  await writer.acked(writer.set(documentId, 'f', 'later'));
  t.same((await listener.subscribe(documentId))['state'], { f: 'later' });
});

test('ORD3: an older write does not bring a removed field back', async (t) => {
  const { documentId, writer, listener } = await writerAndListener(t);
  const now = Date.now();
  await writer.acked(writer.set(documentId, 'f', 1, { timestamp: now - 3 }));
  await writer.acked(writer.set(documentId, 'f', removed, { timestamp: now - 1 }));
  await listener.acked(listener.set(documentId, 'f', 2, { timestamp: now - 2 }));
  t.same((await listener.subscribe(documentId))['state'], {});
  const last = listener.received('delta').at(-1)!;
  t.match(last, { field: 'f', value: removed }, 'its sender is told that the field is gone');
  await listener.acked(listener.set(documentId, 'f', 3, { timestamp: now }));
  t.same((await listener.subscribe(documentId))['state'], { f: 3 });
});

test('ORD5, ORD6: stamps grow, and the clock of a state names the writers and raises that of the requester', async (t) => {
  const { documentId, writer, listener } = await writerAndListener(t);
  t.match((await listener.subscribe('empty'))['clock'], { server: Number }, 'also when there is no field');
  for (let i = 0; i < 50; i++) writer.set(documentId, `f${i % 5}`, i, { clientId: i % 2 === 0 ? 'even' : 'odd' });
  await writer.acked(writer.set(documentId, 'last', true));
  await listener.expect('the last field', (m) => m['field'] === 'last');
  let former = 0;
  for (const { clock } of listener.received('delta')) {
    const { server: stamp, '#': commits, '#+': shown, ...writers } = clock as Record<string, number>;
    t.ok(stamp! > former);
    former = stamp!;
    t.same(Object.values(writers), [stamp], 'the writer’s entry is the stamp');
    t.same([commits! < 100, shown], [true, stamp], 'it is not durable yet');
  }
  const asked = listener.send('sync_request', { documentId, clientId: 'me' });
  const answer = await listener.expect('the state', (m) => m['requestId'] === asked);
  const clock = answer['clock'] as Record<string, number>;
  t.ok(clock['server']! > former, 'a fresh stamp');
  t.equal(clock['me'], clock['server']);
  t.ok(clock['even']! <= former && clock['odd']! <= former);
});

test('SUB2: with a vector, a client gets only what it has not seen, deleted fields included', async (t) => {
  const { documentId, writer, listener } = await writerAndListener(t, { encoding: 'json' });
  const put = (field: string, value: unknown, clientId: string) =>
    writer.acked(writer.set(documentId, field, value, { clientId, clock: { [clientId]: 1 } }));
  await put('old', 1, 'a');
  await put('removed', 1, 'a');
  const { clock: vectorClock } = await listener.subscribe(documentId);
  await put('fresh', 2, 'a');
  await put('removed', removed, 'b');

  const asked = listener.send('sync_request', { documentId, vectorClock });
  const answer = await listener.expect('the deltas', (m) => m['requestId'] === asked);
  t.equal(answer.type, 'sync_response');
  t.notOk('state' in answer);
  const deltas = answer['deltas'] as Incoming[];
  t.same(fieldsOf(deltas).sort(), [
    ['fresh', 2],
    ['removed', removed],
  ]);
  for (const entry of deltas) t.match(entry, { clock: { server: Number }, clientId: 'server', timestamp: Number });

  listener.send('sync_step1', { documentId, stateVector: vectorClock });
  const step = await listener.expect('the operations', (m) => m.type === 'sync_step2');
  t.equal(step['documentId'], documentId);
  t.same(fieldsOf(step['operations'] as Incoming[]).sort(), [
    ['fresh', 2],
    ['removed', removed],
  ]);

  const all = listener.send('sync_request', { documentId, vectorClock: {} });
  const whole = await listener.expect('the state', (m) => m['requestId'] === all);
  t.same(whole['state'], { fresh: 2, old: 1 }, 'an empty vector is none');
});

test('SUB3, SUB4: updates stop after unsubscribe; a writer is subscribed; each request is answered', async (t) => {
  const { documentId, writer, listener } = await writerAndListener(t);
  const twice = [listener.send('subscribe', { documentId }), listener.send('subscribe', { documentId })];
  for (const id of twice) await listener.expect('an answer', (m) => m['requestId'] === id);
  await writer.acked(writer.set(documentId, 'f', 1));
  await listener.expect('the update', (m) => m['field'] === 'f');
  await listener.acked(listener.set(documentId, 'h', 0));
  await writer.expect('the update of another', (m) => m['field'] === 'h');
  listener.send('unsubscribe', { documentId });
  await listener.roundTrip();
  await writer.acked(writer.set(documentId, 'g', 2));
  // The state is sent after the updates that it contains, so an update would have arrived before it.
  t.same((await listener.subscribe(documentId))['state'], { f: 1, g: 2, h: 0 });
  t.equal(listener.received('delta').filter((m) => m['field'] === 'g').length, 0, 'it was not sent live');
  t.equal(listener.received('delta').filter((m) => m['field'] === 'f').length, 1, 'who asks twice gets no replay');
});

test('SUB6: plain binary clients get the state once more as deltas, the others do not', async (t) => {
  const { documentId, writer } = await writerAndListener(t);
  await writer.acked(writer.send('delta', { documentId, delta: { a: 1, b: 2, c: removed } }));
  const plain = await client(t, shared);
  t.same((await plain.subscribe(documentId))['state'], { a: 1, b: 2 });
  await until('the replay', () => plain.received('delta').length === 2);
  t.same(fieldsOf(plain.received('delta')).sort(), [
    ['a', 1],
    ['b', 2],
  ]);
  const json = await client(t, shared, { encoding: 'json' });
  const batching = await client(t, shared);
  const others = [json, batching];
  for (const other of others) t.same((await other.subscribe(documentId))['state'], { a: 1, b: 2 });
  // It shows what it reads while its replay waits.
  batching.send('awareness_subscribe', { documentId });
  // A client that asked later and gets its replay shows that theirs is past.
  const later = await client(t, shared);
  await later.subscribe(documentId);
  await until('a later replay', () => later.received('delta').length === 2);
  for (const other of others) t.same(other.received('delta'), []);
});

test('SUB6: a client that has written a delta gets its replay with the answer', async (t) => {
  const { documentId, writer } = await writerAndListener(t);
  const other = `${documentId}:other`;
  await writer.acked(writer.set(other, 'a', 1));
  const plain = await client(t, shared);
  await plain.acked(plain.set(documentId, 'mine', 1));
  await plain.subscribe(other);
  await plain.roundTrip();
  t.same(
    fieldsOf(plain.received('delta')).filter(([field]) => field === 'a'),
    [['a', 1]],
  );
});
