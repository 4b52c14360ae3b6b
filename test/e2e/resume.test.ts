/** Clients that come back with what they have kept: their fields, and everything that they have seen in clocks. */
import { test, type Test } from 'tap';
import { client, folder, secret, server, token } from '../support/nodes/fixture.js';
import { ModelClient } from '../support/clients/model-client.js';
import { canonical } from '../support/clients/model-document.js';
import { database } from '../support/postgres/postgres.js';
import { startProxy } from '../support/network/proxy.js';
import type { Incoming } from '../support/clients/client.js';
import { until, type ServerProcess } from '../support/nodes/server.js';

const kinds = [
  { encoding: 'binary', supportsBatch: false },
  { encoding: 'json', supportsBatch: true },
] as const;

function model(t: Test, clientId: string, kind: (typeof kinds)[number] = kinds[0]): ModelClient {
  const made = new ModelClient({ clientId, ...kind });
  t.teardown(() => {
    made.disconnect();
    if (made.problems.length > 0) throw new Error(made.problems.join('\n'));
  });
  return made;
}

/** Connects and has the whole document. */
async function arrive(who: ModelClient, to: ServerProcess): Promise<void> {
  await who.connect(to.url);
  who.open('d', 'subscribe');
  await until('the state', () => who.isSynced('d'));
}

async function write(who: ModelClient, field: string, value: unknown): Promise<void> {
  who.transmit(who.write('d', [[field, value]]));
  await until(`the ack of ${field}`, () => who.unacked.size === 0);
}

/** Resumes, and returns how many fields the answer had. */
async function resume(who: ModelClient, how: 'vector' | 'steps'): Promise<number> {
  const answers: Incoming[] = [];
  const { connection } = who;
  const take = connection!.onMessage;
  connection!.onMessage = (message) => {
    if (message.type === 'sync_response' || message.type === 'sync_step2') answers.push(message);
    take(message);
  };
  if (how === 'vector') who.open('d', 'vector');
  else who.askForOperations('d');
  await until('the answer', () => answers.length === 1);
  return ((answers[0]!['deltas'] ?? answers[0]!['operations']) as unknown[]).length;
}

async function agree(who: ModelClient, expected: object): Promise<void> {
  const sorted = canonical(expected);
  await until(`${who.clientId} to have ${sorted}, not ${who.document('d').live}`, () => {
    return who.document('d').live === sorted;
  });
}

for (const kind of kinds) {
  for (const how of ['vector', 'steps'] as const) {
    const title = `${kind.encoding}, by ${how === 'vector' ? 'sync_request' : 'sync_step1'}`;
    test(`SUB2: nothing is missed by who first sends its own write and sees updates (${title})`, async (t) => {
      const to = await server(t);
      const [writer, back] = [model(t, 'w'), model(t, 'b', kind)];
      await arrive(writer, to);
      await write(writer, 'before', 1);
      await arrive(back, to);
      back.disconnect();
      await write(writer, 'missed', 1);
      await write(writer, 'missed too', { __deleted: true });

      await back.connect(to.url);
      await write(back, 'queued', 1);
      await write(writer, 'live', 1);
      await until('the update', () => back.document('d').get('live') === 1);
      // The connection breaks before the request is answered; on the next one, again an update comes first.
      back.open('d', 'vector');
      back.disconnect();
      await back.connect(to.url);
      await write(back, 'queued', 2);
      await write(writer, 'live', 2);
      await until('the update', () => back.document('d').get('live') === 2);
      await resume(back, how);
      const all = { before: 1, missed: 1, queued: 2, live: 2 };
      await agree(back, all);
      back.disconnect();
      await write(writer, 'later', 1);
      await back.connect(to.url);
      t.ok(
        (await resume(back, how)) <= 3,
        'what is new, and the last updates that were not durable when they were sent',
      );
      await agree(back, { ...all, later: 1 });
    });
  }
}

for (const storage of ['embedded', 'postgres'] as const) {
  const storageOf = async (t: Test): Promise<NodeJS.ProcessEnv> =>
    storage === 'embedded' ? { SYNCKIT_DATA_DIR: await folder(t) } : { DATABASE_URL: (await database(t)).url };

  test(`SUB2: processes without a bus on one storage, and one that is restarted (${storage})`, async (t) => {
    const env = await storageOf(t);
    const [one, two] = [await server(t, env), await server(t, env)];
    const [writer, elsewhere, back] = [model(t, 'w'), model(t, 'w2'), model(t, 'b')];
    await arrive(writer, one);
    await write(writer, 'first', 1);
    await arrive(back, one);
    // The other process writes, and this one does not hear of it; its own updates must not hide that.
    await arrive(elsewhere, two);
    await write(elsewhere, 'elsewhere', 1);
    await write(writer, 'here', 1);
    await write(writer, 'here too', 1);
    await until('the update', () => back.document('d').get('here too') === 1);
    back.disconnect();
    await write(elsewhere, 'elsewhere too', 1);
    await back.connect(two.url);
    await resume(back, 'vector');
    t.equal(back.document('d').get('elsewhere'), 1);
    t.equal(back.document('d').get('elsewhere too'), 1);
    back.disconnect();
    await write(writer, 'last', 1);
    for (const process of [one, two]) await process.kill('SIGKILL');
    const again = await server(t, env);
    await back.connect(again.url);
    await resume(back, 'vector');
    await agree(back, { first: 1, elsewhere: 1, here: 1, 'here too': 1, 'elsewhere too': 1, last: 1 });
  });

  test(`SUB2: only what is new is sent, also after a restart (${storage})`, async (t) => {
    const env = await storageOf(t);
    const to = await server(t, env);
    const [writer, back] = [model(t, 'w'), model(t, 'b')];
    await arrive(writer, to);
    for (let i = 0; i < 50; i++) writer.transmit(writer.write('d', [[`f${i}`, i]]));
    await until('the acks', () => writer.unacked.size === 0);
    await arrive(back, to);
    back.disconnect();
    await write(writer, 'f7', 'new');
    await back.connect(to.url);
    t.equal(await resume(back, 'vector'), 1);
    t.equal(back.document('d').get('f7'), 'new');
    t.equal(await resume(back, 'vector'), 0);
    await to.kill('SIGTERM');
    const again = await server(t, env);
    await back.connect(again.url);
    t.equal(await resume(back, 'vector'), 0, 'nothing has changed');
    back.disconnect();
    await arrive(writer, again);
    await write(writer, 'f8', 'new');
    await again.kill('SIGKILL');
    const last = await server(t, env);
    await back.connect(last.url);
    t.equal(await resume(back, 'vector'), 1, 'one field has changed');
    t.equal(back.document('d').get('f8'), 'new');
  });
}

test('contract 1, SUB7: what a crash took back is put right when its clients resume', async (t) => {
  const { url } = await database(t);
  const proxy = await startProxy(url);
  t.teardown(() => proxy.close());
  const to = await server(t, { DATABASE_URL: proxy.through(url), SHARDS: '1' });
  const [writer, witness] = [model(t, 'w'), model(t, 'b', kinds[1])];
  await arrive(writer, to);
  await write(writer, 'f', 'stored');
  await write(writer, 'g', 1);
  await arrive(witness, to);
  proxy.set('stalled');
  const lost = writer.write('d', [
    ['f', 'lost'],
    ['new', 'lost'],
  ]);
  writer.transmit(lost);
  await until('the update', () => witness.document('d').get('new') === 'lost');
  t.equal(writer.unacked.size, 1);
  witness.disconnect();
  await to.kill('SIGKILL');
  proxy.set('down');

  const again = await server(t, { DATABASE_URL: url, SHARDS: '1' });
  const other = model(t, 'o');
  await arrive(other, again);
  await write(other, 'g', 2);
  await witness.connect(again.url);
  await resume(witness, 'vector');
  await agree(witness, { f: 'stored', g: 2 });
  await resume(witness, 'vector');
  await agree(witness, { f: 'stored', g: 2 });
});

test('FAN6: reads that wait or are under way when rights are narrowed are not answered', async (t) => {
  const guarded = await server(t, { JWT_SECRET: secret, DATABASE_URL: 'memory:', SHARDS: '1' });
  const writer = await client(t, guarded, { token: token('w', { read: ['*'], write: ['*'] }) });
  const names = Array.from({ length: 300 }, (_, i) => `secret${i}`);
  for (const name of names) writer.set(name, 'f', 'x'.repeat(1_000));
  await until('the acks', () => writer.received('ack').length === names.length);
  const reader = await client(t, guarded, { token: token('r', { read: ['*'] }) });
  await reader.roundTrip();
  const ids = names.map((documentId) => reader.send('subscribe', { documentId }));
  reader.send('auth', { token: token('r', { read: ['open'] }) });
  await reader.expect('the renewal', (m) => m.type === 'auth_success');
  await until('an answer to each', () => reader.received('sync_response', 'error').length >= ids.length);
  await reader.subscribe('open');
  await reader.roundTrip();
  const renewed = reader.messages.findIndex((m) => m.type === 'auth_success');
  t.same(
    reader.messages.slice(renewed).filter((m) => String(m['documentId']).startsWith('secret')),
    [],
    'nothing of the others',
  );
  const refused = reader.received('error').map(({ details }) => details as Record<string, string>);
  t.ok(refused.every(({ code }) => code === 'PERMISSION_DENIED'));
  t.ok(refused.length > 0, `${refused.length} refused`);
  const answered = reader.received('sync_response').map((m) => m['requestId']);
  const last = answered.pop();
  t.not(last, undefined);
  t.same([...refused.map(({ messageId }) => messageId), ...answered].sort(), [...ids].sort(), 'each once');
});
