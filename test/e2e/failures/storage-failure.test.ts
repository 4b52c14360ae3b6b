import { test, type Test } from 'tap';
import { breakDisk, cannotFailDisks, mendDisk } from '../../support/disk.js';
import { client, folder, server } from '../../support/nodes/fixture.js';
import { until, type ServerProcess } from '../../support/nodes/server.js';

const skip = cannotFailDisks;

async function ready(to: ServerProcess): Promise<number> {
  return (await fetch(`${to.http}/health/ready`)).status;
}

/** A server with one document, whose disk then fails. */
async function failing(t: Test, env: NodeJS.ProcessEnv = {}) {
  const SYNCKIT_DATA_DIR = await folder(t);
  const to = await server(t, { SYNCKIT_DATA_DIR, SHARDS: '1', ...env });
  const writer = await client(t, to);
  const listener = await client(t, to, { encoding: 'json' });
  await writer.acked(writer.set('d', 'before', 1));
  await listener.subscribe('d');
  t.equal(await ready(to), 200);
  breakDisk(to.pid);
  return { SYNCKIT_DATA_DIR, to, writer, listener };
}

test('ACK1, ACK5: while the disk fails, writes are published and wait for their acks', { skip }, async (t) => {
  const { SYNCKIT_DATA_DIR, to, writer, listener } = await failing(t);
  const during = [writer.set('d', 'during', 1), writer.set('other', 'during', 2)];
  await listener.expect('the update', (m) => m['field'] === 'during');
  await until('the node to say that it is not ready', async () => (await ready(to)) === 503);
  t.equal(writer.received('ack').length, 1, 'nothing is acknowledged that is not on disk');
  t.same((await listener.subscribe('d'))['state'], { before: 1, during: 1 }, 'reads are answered');

  mendDisk(to.pid);
  for (const id of during) await writer.acked(id);
  await until('the node to be ready', async () => (await ready(to)) === 200);
  t.same(writer.received('error'), []);
  await to.kill('SIGKILL');
  const again = await server(t, { SYNCKIT_DATA_DIR });
  const reader = await client(t, again);
  t.same((await reader.subscribe('d'))['state'], { before: 1, during: 1 });
  t.same((await reader.subscribe('other'))['state'], { during: 2 });
});

test('ACK5: when too many bytes wait, writes are refused and nothing of them is applied', { skip }, async (t) => {
  const { to, writer, listener } = await failing(t, { SYNCKIT_MAX_PENDING_BYTES: '64KiB' });
  const value = 'x'.repeat(10_000);
  const ids = new Map<string, string>();
  // One after the other, because the limit is checked once per flush of a document.
  for (let i = 0; i < 30; i++) {
    const before = listener.received('delta').length + writer.received('error').length;
    ids.set(writer.set('d', `f${i}`, value), `f${i}`);
    await until(
      'the update or a refusal',
      () => listener.received('delta').length + writer.received('error').length > before,
    );
  }
  t.ok(writer.received('error').length > 0);
  mendDisk(to.pid);
  await until('all answers', () => writer.received('ack', 'error').length === 31);
  const kept = ['before'];
  for (const message of writer.received('ack', 'error')) {
    const details = (message['details'] ?? message) as { code?: string; messageId: string };
    const field = ids.get(details.messageId);
    if (field === undefined) continue;
    if (message.type === 'ack') kept.push(field);
    else t.match(message, { error: /^Storage unavailable/, details: { code: 'STORAGE_UNAVAILABLE', documentId: 'd' } });
  }
  t.ok(kept.length > 3 && kept.length < 31);
  const { state } = await listener.subscribe('d');
  t.same(Object.keys(state as object).sort(), kept.sort());
  await writer.acked(writer.set('d', 'after', 1));
});
