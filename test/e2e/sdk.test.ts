import { test, type Test } from 'tap';
import { client, folder, server } from '../support/nodes/fixture.js';
import { nextMillisecond } from '../support/next-millisecond.js';
import { Replica } from '../support/clients/replica.js';
import { sdkClient, type Fields, type SdkClient } from '../support/clients/sdk.js';
import { freePort, until } from '../support/nodes/server.js';

const documentId = 'playground';

function sorted(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Waits until all show the same; fails with what each shows. */
async function agree(
  t: Test,
  what: string,
  expected: Fields,
  sdks: readonly SdkClient[],
  replica?: Replica,
): Promise<void> {
  const shown = () => {
    const all: Fields = Object.fromEntries(sdks.map((sdk) => [sdk.clientId, sorted(sdk.document.get())]));
    return replica === undefined ? all : { ...all, raw: replica.state };
  };
  const wanted = JSON.stringify(sorted(expected));
  await until(what, () => Object.values(shown()).every((state) => JSON.stringify(state) === wanted)).catch(
    () => undefined,
  );
  for (const [name, state] of Object.entries(shown())) t.same(state, sorted(expected), `${what}: ${name}`);
}

test('ORD1, ORD5: clients of the SDK 0.1.1 and a raw one converge, also over a restart', async (t) => {
  const SYNCKIT_DATA_DIR = await folder(t);
  const PORT = String(await freePort());
  const first = await server(t, { SYNCKIT_DATA_DIR, PORT });
  const ann = await sdkClient(t, first.url, 'ann', documentId);
  const bob = await sdkClient(t, first.url, 'bob', documentId);
  const raw = await client(t, first, { encoding: 'json' });
  await raw.subscribe(documentId);
  const replica = new Replica(raw, documentId);

  await ann.document.set('title', 'from ann');
  await bob.document.update({ done: false, tags: ['a', { b: null }], nothing: null });
  await raw.acked(raw.set(documentId, 'raw', 1.5));
  const expected: Fields = { title: 'from ann', done: false, tags: ['a', { b: null }], nothing: null, raw: 1.5 };
  await agree(t, 'live', expected, [ann, bob], replica);

  // Each sees its own write and then the other's, so none may take the echo of its own for a new update.
  for (let i = 0; i < 3; i++) {
    await ann.document.set('turn', `ann ${i}`);
    await until('ann’s turn', () => bob.document.getField('turn') === `ann ${i}`);
    await bob.document.set('turn', `bob ${i}`);
    await until('bob’s turn', () => ann.document.getField('turn') === `bob ${i}`);
  }
  await Promise.all([
    ann.document.set('race', 'ann'),
    bob.document.set('race', 'bob'),
    raw.acked(raw.set(documentId, 'race', 'raw')),
  ]);
  const { state } = await raw.subscribe(documentId);
  Object.assign(expected, { turn: 'bob 2', race: (state as Fields)['race'] });
  await agree(t, 'after a race', expected, [ann, bob], replica);

  const late = await sdkClient(t, first.url, 'late', documentId);
  await agree(t, 'SUB6: a late joiner', expected, [late]);
  const all = [ann, bob, late];

  await first.kill('SIGKILL');
  await Promise.all(all.map((sdk) => sdk.offline()));
  await ann.document.set('title', 'offline, ann');
  await ann.document.set('offline', [1]);
  await nextMillisecond();
  await bob.document.set('title', 'offline, bob, later');
  await late.document.update({ done: true, turn: 'late' });

  const second = await server(t, { SYNCKIT_DATA_DIR, PORT });
  await Promise.all(all.map((sdk) => sdk.online()));
  const back = await client(t, second, { encoding: 'json' });
  const backReplica = new Replica(back, documentId, replica);
  await back.subscribe(documentId);
  Object.assign(expected, { title: 'offline, bob, later', offline: [1], done: true, turn: 'late' });
  await agree(t, 'after the restart', expected, all, backReplica);

  await late.document.set('race', 'over');
  await back.acked(back.set(documentId, 'raw', 'again'));
  Object.assign(expected, { race: 'over', raw: 'again' });
  await agree(t, 'live after the restart', expected, all, backReplica);
  t.same((await back.subscribe(documentId))['state'], expected, 'and the server holds it');
});
