import { test, type Test } from 'tap';
import type { RawClient } from '../../support/clients/client.js';
import { client, server } from '../../support/nodes/fixture.js';
import { residentBytes, watchMemory } from '../../support/memory.js';
import { Replica } from '../../support/clients/replica.js';
import { until, type ServerProcess } from '../../support/nodes/server.js';

const MiB = 1024 * 1024;
/** Small, so that a client is too slow after little data. */
const little = { WS_MAX_BACKPRESSURE_BYTES: '1MiB' };
const tooSlow = 'a client that is too slow is disconnected';

async function many(t: Test, to: ServerProcess, count: number): Promise<RawClient[]> {
  return Promise.all(
    Array.from({ length: count }, (_, i) => client(t, to, { encoding: i % 2 === 0 ? 'binary' : 'json' })),
  );
}

/** Writes values of 16 KiB to 50 fields in turn, 16 at a time; answers with the last state. */
async function writeMuch(raw: RawClient, documentId: string, bytes: number): Promise<Record<string, string>> {
  const state: Record<string, string> = {};
  for (let i = 0; i * 16_384 < bytes; i += 16) {
    const ids = Array.from({ length: 16 }, (_, k) => {
      const field = `f${(i + k) % 50}`;
      state[field] = `${i + k} `.padEnd(16_384, 'x');
      return raw.set(documentId, field, state[field]);
    });
    for (const id of ids) await raw.acked(id);
    raw.messages.length = 0;
  }
  return state;
}

const sorted = (state: object) => Object.fromEntries(Object.entries(state).sort(([a], [b]) => (a < b ? -1 : 1)));

test('FAN5: subscribers that stop reading are disconnected, the others get everything', async (t) => {
  // Without batching, every write is a frame.
  const to = await server(t, { ...little, DATABASE_URL: 'memory:', SYNC_BATCH_DELAY: '0' });
  const slow = await many(t, to, 6);
  const good = await client(t, to, { encoding: 'json' });
  const writer = await client(t, to, { encoding: 'json' });
  for (const raw of [...slow, good]) await raw.subscribe('d');
  const replica = new Replica(good, 'd');
  await writeMuch(writer, 'd', 4 * MiB);
  for (const raw of slow) raw.socket.pause();

  const before = residentBytes(to.pid);
  const memory = watchMemory(to.pid);
  // More than the kernel's buffers of a connection and the server's bound hold together.
  const state = await writeMuch(writer, 'd', 64 * MiB);
  const grown = memory.stop() - before;
  t.comment(`grown by ${Math.round(grown / MiB)} MiB from ${Math.round(before / MiB)} MiB`);
  t.ok(grown < 160 * MiB, 'six times 64 MiB are not held for those who do not read');
  await until('the lines in the log', () => to.log.filter(({ msg }) => msg === tooSlow).length === slow.length);

  await until('the good one to have everything', () => replica.state['f49'] === state['f49']);
  t.same(replica.state, sorted(state));
  t.equal(good.closed, undefined);
  for (const raw of slow) {
    raw.socket.resume();
    t.equal((await raw.end()).code, 1006);
  }
  const back = await many(t, to, 2);
  for (const raw of back)
    t.same(sorted((await raw.subscribe('d'))['state'] as object), sorted(state), 'and is up to date again');
});

test('FAN5: answers to reads wait for a client that does not read, and do not pile up', async (t) => {
  const to = await server(t, { ...little, DATABASE_URL: 'memory:' });
  const writer = await client(t, to);
  const documents = Array.from({ length: 100 }, (_, i) => `doc-${i}`);
  const value = (documentId: string) => documentId.padEnd(200 * 1024, '.');
  for (const documentId of documents) {
    await writer.acked(writer.set(documentId, 'f', value(documentId)));
    writer.send('unsubscribe', { documentId });
    writer.messages.length = 0;
  }
  /** Requests all of them. @returns The documents that were answered correctly. */
  const ask = (raw: RawClient): Set<string> => {
    const right = new Set<string>();
    raw.onMessage = (message) => {
      const documentId = message['documentId'] as string;
      const { f } = (message['state'] ?? {}) as { f?: string };
      if (message.type === 'sync_response' && f === value(documentId)) right.add(documentId);
      if (message.type !== 'error') raw.messages.length = 0;
    };
    for (const documentId of documents) raw.send('subscribe', { documentId });
    return right;
  };
  const complete = async (raw: RawClient, right: ReadonlySet<string>) => {
    await until('all states', () => right.size === documents.length, 120_000);
    t.same(raw.messages, [], 'no error');
  };

  const normal = await client(t, to, { encoding: 'json' });
  await complete(normal, ask(normal));

  const slow = await many(t, to, 20);
  const before = residentBytes(to.pid);
  const memory = watchMemory(to.pid);
  const asked = slow.map((raw) => {
    raw.socket.pause();
    return ask(raw);
  });
  // Clients that read while the others do not, so that the server has time to fill its buffers.
  for (let i = 0; i < 10; i++) {
    const reader = await client(t, to, { encoding: 'json' });
    await complete(reader, ask(reader));
    await reader.close();
  }
  const grown = memory.stop() - before;
  t.comment(`grown by ${Math.round(grown / MiB)} MiB from ${Math.round(before / MiB)} MiB`);
  t.ok(grown < 250 * MiB, 'twenty times 20 MiB, half of them twice, are not held for those who do not read');
  for (const raw of slow) raw.socket.resume();
  for (const [i, raw] of slow.entries()) await complete(raw, asked[i]!);
  t.same(
    to.log.filter(({ msg }) => msg === tooSlow),
    [],
  );
});
