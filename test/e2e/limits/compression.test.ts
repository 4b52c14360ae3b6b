/** WS_COMPRESSION: large messages take fewer bytes to clients that negotiated it, and are the same to everybody. */
import type { Socket } from 'node:net';
import { test, type Test } from 'tap';
import { binaryFrame, type ClientOptions, type Incoming, type RawClient } from '../../support/clients/client.js';
import { client, server } from '../../support/nodes/fixture.js';
import { residentBytes } from '../../support/memory.js';
import type { ServerProcess } from '../../support/nodes/server.js';

const MiB = 1024 * 1024;
const on = { DATABASE_URL: 'memory:', WS_COMPRESSION: 'on', WS_COMPRESSION_MIN_BYTES: '16KiB' };
const large = 'compressible '.repeat(10_000);

/** Bytes that a connection has received. */
function bytesRead(raw: RawClient): number {
  // ws does not expose them otherwise.
  return (raw.socket as unknown as { _socket: Socket })._socket.bytesRead;
}

async function subscribers(t: Test, to: ServerProcess, options: readonly ClientOptions[]): Promise<RawClient[]> {
  const connected = await Promise.all(options.map((each) => client(t, to, each)));
  for (const raw of connected) await raw.subscribe('doc');
  return connected;
}

/** Writes a field. @returns What each of the clients received, and in how many bytes. */
async function write(writer: RawClient, readers: readonly RawClient[], field: string, value: string) {
  const before = readers.map(bytesRead);
  const ofField = (message: Incoming) =>
    message['field'] === field || (message['deltas'] as Incoming[] | undefined)?.[0]?.['field'] === field;
  await writer.acked(writer.set('doc', field, value));
  return Promise.all(
    readers.map(async (raw, i) => {
      const message = await raw.expect(`the value of ${field}`, ofField);
      const [delta = message] = (message['deltas'] as Incoming[] | undefined) ?? [];
      return { value: delta['value'], bytes: bytesRead(raw) - before[i]! };
    }),
  );
}

test('CON9: clients with and without compression get the same, and only large messages are compressed', async (t) => {
  const to = await server(t, on);
  const readers = await subscribers(t, to, [
    { deflate: true },
    { deflate: true, encoding: 'json' },
    { deflate: false },
    { deflate: false, encoding: 'json' },
  ]);
  t.match(
    readers.map(({ socket }) => socket.extensions),
    ['permessage-deflate', 'permessage-deflate', /^$/, /^$/],
  );
  const writer = await client(t, to, { deflate: true });

  const got = await write(writer, readers, 'large', large);
  for (const { value } of got) t.ok(value === large, 'the value as it was written');
  for (const { bytes } of got.slice(0, 2)) t.ok(bytes < large.length / 10, `${bytes} bytes, compressed`);
  for (const { bytes } of got.slice(2)) t.ok(bytes > large.length, `${bytes} bytes, as it is`);

  const small = large.slice(0, 15_000);
  for (const { value, bytes } of await write(writer, readers, 'small', small)) {
    t.ok(value === small && bytes > small.length, `${bytes} bytes, as it is`);
  }
});

test('CON9: answers to reads are compressed, too', async (t) => {
  const to = await server(t, on);
  const writer = await client(t, to);
  await writer.acked(writer.set('doc', 'large', large));
  for (const encoding of ['binary', 'json'] as const) {
    const raw = await client(t, to, { deflate: true, encoding });
    const before = bytesRead(raw);
    const { state } = (await raw.subscribe('doc')) as unknown as { state: Record<string, string> };
    t.ok(state['large'] === large);
    t.ok(bytesRead(raw) - before < large.length / 5);
  }
});

test('a message to too many receivers is sent uncompressed', async (t) => {
  const to = await server(t, { ...on, WS_COMPRESSION_MAX_BYTES: '300KiB' });
  const [first] = await subscribers(t, to, [{ deflate: true }]);
  const writer = await client(t, to);
  const [alone] = await write(writer, [first!], 'alone', large);
  t.ok(alone!.value === large && alone!.bytes < large.length / 10, 'one receiver');
  await subscribers(t, to, [{ deflate: true }, { deflate: true }]);
  const [together] = await write(writer, [first!], 'together', large);
  t.ok(together!.value === large && together!.bytes > large.length, 'three receivers');
});

test('CON9: nothing is negotiated unless it is switched on', async (t) => {
  const to = await server(t, { DATABASE_URL: 'memory:' });
  const [raw] = await subscribers(t, to, [{ deflate: true }]);
  t.equal(raw!.socket.extensions, '');
  const [got] = await write(await client(t, to), [raw!], 'large', large);
  t.ok(got!.bytes > large.length);
});

test('LIM1: a message that is too large when inflated closes its connection, and takes no memory', async (t) => {
  const to = await server(t, { ...on, WS_MAX_PAYLOAD_BYTES: '1MiB' });
  const [bomb, other] = [await client(t, to, { deflate: true }), await client(t, to)];
  await other.acked(other.set('doc', 'f', 1));
  const before = residentBytes(to.pid);
  bomb.socket.send(binaryFrame('delta', { documentId: 'doc', field: 'f', value: ' '.repeat(256 * MiB) }));
  await bomb.end();
  const grown = residentBytes(to.pid) - before;
  t.ok(grown < 64 * MiB, `grown by ${Math.round(grown / MiB)} MiB`);
  t.equal((await other.subscribe('doc'))['documentId'], 'doc', 'others are served');
});
