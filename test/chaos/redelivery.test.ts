/**
 * A shard is given a task again when its worker died before all of it was settled. A write in it that was acknowledged
 * must not come again: a date too far ahead would be taken as now and a missing count be a new one, so that it would
 * win against writes that came later and were acknowledged too.
 */
import { fileURLToPath } from 'node:url';
import type { Socket } from 'node:net';
import tap, { test } from 'tap';
import type { RawClient } from '../support/clients/client.js';
import { client, folder, server } from '../support/nodes/fixture.js';
import { startServer, until } from '../support/nodes/server.js';

// tap's own limit is short for a busy machine.
tap.setTimeout(300_000);

const killable = fileURLToPath(new URL('../support/nodes/killable-main.js', import.meta.url));
const HOUR_MS = 3_600_000;
/** Enough that loading it takes longer than writing twice to another document. */
const LARGE_FIELDS = 50_000;

const writers = [
  {
    name: 'with a clock an hour ahead',
    skewMs: HOUR_MS,
    clock: (count: number) => ({ clientId: 'me', clock: { me: count } }),
  },
  { name: 'without a clock, in one millisecond', skewMs: 0, clock: () => ({}) },
];

test('ACK1, ORD1, ORD2: a task that is given to a second worker', async (t) => {
  const SYNCKIT_DATA_DIR = await folder(t);
  const env = { SYNCKIT_DATA_DIR, SHARDS: '1', SYNC_BATCH_DELAY: '0' };
  const filler = await server(t, env);
  await fill(await client(t, filler, { encoding: 'json' }));
  await filler.kill('SIGTERM');

  for (const { name, skewMs, clock } of writers) {
    const to = await startServer(env, killable);
    t.teardown(() => to.kill('SIGKILL'));
    const raw = await client(t, to, { encoding: 'json' });
    const documentId = name.replaceAll(/\W/g, '-');
    const timestamp = Date.now() + skewMs;
    await raw.acked(raw.set(documentId, 'loaded', true));
    // Both in one task, which is open until the large document is loaded.
    const tcp = (raw.socket as unknown as { readonly _socket: Socket })._socket;
    tcp.cork();
    const first = raw.send('delta', { documentId, field: 'x', value: 'first', ...clock(1) }, timestamp);
    const slow = raw.set('large', 'f0', 'changed');
    tcp.uncork();
    await raw.acked(first);
    await raw.acked(raw.send('delta', { documentId, field: 'x', value: 'second', ...clock(2) }, timestamp));
    to.child.send({ terminate: 0 });
    await until('a new worker', () => to.log.some(({ msg }) => msg.startsWith('shard worker ended')));
    await raw.acked(slow);
    const reader = await client(t, to, { encoding: 'json' });
    t.strictSame((await reader.subscribe(documentId))['state'], { loaded: true, x: 'second' }, name);
    await to.kill('SIGKILL');
  }
});

async function fill(raw: RawClient): Promise<void> {
  const step = 10_000;
  for (let from = 0; from < LARGE_FIELDS; from += step) {
    const delta = Object.fromEntries(Array.from({ length: step }, (_, i) => [`f${from + i}`, i]));
    await raw.acked(raw.send('delta', { documentId: 'large', delta }));
  }
}
