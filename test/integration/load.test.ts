/** What is ordinary use for this server: many clients on a document, large documents, bursts of writes. */
import { readFileSync } from 'node:fs';
import tap, { test, type Test } from 'tap';
import { client, folder, server } from '../support/nodes/fixture.js';
import { ModelClient, type ModelClientOptions } from '../support/clients/model-client.js';
import { canonical } from '../support/clients/model-document.js';
import { startServer, until, type ServerProcess } from '../support/nodes/server.js';

// tap's own limit is short for a busy machine.
tap.setTimeout(300_000);

const kinds = [
  { encoding: 'binary', supportsBatch: false },
  { encoding: 'json', supportsBatch: false },
  { encoding: 'binary', supportsBatch: true },
  { encoding: 'json', supportsBatch: true },
] as const;
const documentId = 'busy';
const FIELDS = 10_000;
const WRITES = 10_000;

/** A client that is connected and has the document; it ends with the test. */
async function subscriber(t: Test, to: ServerProcess, options: ModelClientOptions): Promise<ModelClient> {
  const model = new ModelClient(options);
  t.teardown(() => model.disconnect());
  await model.connect(to.url);
  model.open(documentId, 'subscribe');
  await until(`${options.clientId} to have the document`, () => model.isSynced(documentId));
  return model;
}

/** Writes, sends, and waits for the ack. */
async function write(model: ModelClient, changes: readonly (readonly [string, unknown])[]): Promise<void> {
  const message = model.write(documentId, changes);
  model.transmit(message);
  await until('the ack', () => !model.unacked.has(message.messageId));
}

async function allHold(models: readonly ModelClient[], expected: string): Promise<void> {
  await until('all clients to hold the same', () =>
    models.every((model) => model.document(documentId).live === expected),
  );
}

async function stateOf(t: Test, to: ServerProcess): Promise<string> {
  const reader = await client(t, to, { encoding: 'json' });
  return canonical((await reader.subscribe(documentId))['state']);
}

/** Files that this process, and so the server that it starts, may have open. */
function maxOpenFiles(): number {
  return Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
}

test('FAN1, SUB1: a thousand clients hear of a write', async (t) => {
  const to = await server(t);
  const count = Math.min(1_000, maxOpenFiles() - 200);
  const models: ModelClient[] = [];
  while (models.length < count) {
    const slice = Array.from({ length: Math.min(50, count - models.length) }, (_, i) => {
      const clientId = `c${models.length + i}`;
      return subscriber(t, to, { clientId, ...kinds[i % kinds.length]! });
    });
    models.push(...(await Promise.all(slice)));
  }
  // Only who sends a batch is known to understand one. All write the same field, which is coalesced.
  await Promise.all(models.map((model) => write(model, [['hello', true]])));

  await write(models[0]!, [['title', 'first']]);
  await allHold(models, '{"hello":true,"title":"first"}');
  await write(models.at(-1)!, [
    ['title', 'second'],
    ['hello', { __deleted: true }],
  ]);
  await allHold(models, '{"title":"second"}');
  t.equal(await stateOf(t, to), '{"title":"second"}');
  t.strictSame(
    models.flatMap(({ problems }) => problems),
    [],
  );
  t.ok(
    models.every(({ connected }) => connected),
    `${models.length} clients are still connected`,
  );
});

test('SUB1, SUB2, SUB6: a document of 10 000 fields', async (t) => {
  const to = await server(t);
  const writer = await subscriber(t, to, { clientId: 'writer', encoding: 'binary', supportsBatch: true });
  const half = FIELDS / 2;
  const fields = Array.from(
    { length: FIELDS },
    (_, i) => [`field-${i}`, { number: i, text: 'of some length' }] as const,
  );
  await write(writer, fields.slice(0, half));

  const early = await Promise.all(kinds.map((kind, i) => subscriber(t, to, { clientId: `early${i}`, ...kind })));
  for (let at = half; at < FIELDS; at += 100) {
    writer.transmit(writer.write(documentId, fields.slice(at, at + 100)));
  }
  const late = await Promise.all(kinds.map((kind, i) => subscriber(t, to, { clientId: `late${i}`, ...kind })));
  await until('all acks', () => writer.unacked.size === 0);
  const models = [writer, ...early, ...late];
  await allHold(models, canonical(Object.fromEntries(fields)));

  const raw = await client(t, to, { encoding: 'json' });
  const { clock } = await raw.subscribe(documentId);
  const returning = await client(t, to, { encoding: 'json' });
  await write(writer, [
    ['field-0', 'changed'],
    ['field-1', { __deleted: true }],
    ['one more', null],
  ]);
  const expected = canonical({
    ...Object.fromEntries(fields.slice(2)),
    'field-0': 'changed',
    'one more': null,
  });
  await allHold(models, expected);
  t.equal(await stateOf(t, to), expected);
  const requestId = returning.send('sync_request', { documentId, vectorClock: clock });
  const answer = await returning.expect('the answer', (message) => message['requestId'] === requestId);
  const missed = (answer['deltas'] as { field: string }[]).map(({ field }) => field).sort();
  t.strictSame(missed, ['field-0', 'field-1', 'one more'], 'who returns gets only what it missed');
  t.strictSame(
    models.flatMap(({ problems }) => problems),
    [],
  );
});

for (const kind of kinds) {
  const name = `${kind.encoding} ${kind.supportsBatch ? 'delta_batch' : 'delta'}`;
  test(`ACK1, ORD1, FAN3: a burst of 10 000 writes from one connection, ${name}`, async (t) => {
    const SYNCKIT_DATA_DIR = await folder(t);
    const to = await server(t, { SYNCKIT_DATA_DIR });
    const writer = await subscriber(t, to, { clientId: 'writer', ...kind });
    const others = await Promise.all(kinds.map((other, i) => subscriber(t, to, { clientId: `other${i}`, ...other })));
    let acks = 0;
    writer.onAcked = () => acks++;
    const expected: Record<string, number> = {};
    for (let i = 0; i < WRITES; i++) {
      const field = `f${i % 100}`;
      expected[field] = i;
      writer.transmit(writer.write(documentId, [[field, i]]));
    }
    await until('all acks', () => writer.unacked.size === 0, 60_000);
    t.equal(acks, WRITES);
    await allHold([writer, ...others], canonical(expected));
    t.strictSame(
      [writer, ...others].flatMap(({ problems }) => problems),
      [],
    );
    await to.kill('SIGKILL');
    const again = await startServer({ SYNCKIT_DATA_DIR });
    t.teardown(() => again.kill('SIGKILL'));
    t.equal(await stateOf(t, again), canonical(expected), 'all of them are there after kill -9');
  });
}
