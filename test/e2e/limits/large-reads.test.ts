/** Readers of a large document who never read: what they make the server hold is bounded. */
import { readFile } from 'node:fs/promises';
import { test } from 'tap';
import { client, server } from '../../support/nodes/fixture.js';

const MIB = 1024 * 1024;

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1_024;
}

test('contract 10: clients that ask for a large document and never read it', async (t) => {
  const to = await server(t, { DATABASE_URL: 'memory:', SHARDS: '1', SYNCKIT_MAX_OUTGOING_BYTES: '64MiB' });
  const writer = await client(t, to);
  for (let i = 0; i < 100; i++) await writer.acked(writer.set('large', `f${i}`, 'x'.repeat(100_000)));
  const before = await residentBytes(to.pid);
  for (let i = 0; i < 40; i++) {
    const hostile = await client(t, to);
    hostile.socket.pause();
    for (let n = 0; n < 8; n++) hostile.send('subscribe', { documentId: 'large' });
  }
  let most = 0;
  for (let i = 0; i < 40; i++) {
    await writer.acked(writer.set('other', 'f', i));
    most = Math.max(most, await residentBytes(to.pid));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  t.ok(most - before < 400 * MIB, `${Math.round((most - before) / MIB)} MiB more`);
});
