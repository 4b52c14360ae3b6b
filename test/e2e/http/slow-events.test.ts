/** Streams of events whose clients do not read. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'tap';
import { client, server } from '../../support/nodes/fixture.js';
import { until, type ServerProcess } from '../../support/nodes/server.js';

const waiting = async (to: ServerProcess): Promise<number> => {
  const text = await (await fetch(`${to.http}/metrics`)).text();
  return Number(/^synckit_outgoing_bytes (\d+)$/m.exec(text)?.[1]);
};

/** A stream of events that nobody reads. */
async function follow(to: ServerProcess, id: string) {
  const socket = connect(Number(new URL(to.http).port), '127.0.0.1').pause();
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(`GET /documents/${id}/events HTTP/1.1\r\nHost: x\r\n\r\n`);
  return socket;
}

test('LIM what waits for a stream is counted, states too, until its client has gone', async (t) => {
  const to = await server(t, { DATABASE_URL: 'memory:' });
  const writer = await client(t, to);
  // The system takes some of it.
  for (let i = 0; i < 16; i++) await writer.acked(writer.set('d', `f${i}`, 'x'.repeat(1024 * 1024)));
  const idle = await waiting(to);
  for (const id of ['d', 'e']) {
    const reader = await follow(to, id);
    if (id === 'e') {
      await writer.acked(writer.set('e', 'f', 1));
      for (let i = 0; i < 16; i++) await writer.acked(writer.set('e', 'f', `${i}${'x'.repeat(1024 * 1024)}`));
    }
    await until('bytes to wait', async () => (await waiting(to)) > idle + 4 * 1024 * 1024);
    reader.destroy();
    await until('nothing to wait', async () => (await waiting(to)) <= idle + 64 * 1024);
  }
  t.pass();
});
