import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test, type Test } from 'tap';
import { client, server } from '../../support/nodes/fixture.js';
import { until, type ServerProcess } from '../../support/nodes/server.js';

const PING = 0x89;

/** A raw WebSocket, whose client never answers anything. */
async function deadClient(
  t: Test,
  to: ServerProcess,
): Promise<{ socket: Socket; frames: () => Buffer; ended: () => boolean }> {
  const socket = connect(to.port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  await once(socket, 'connect');
  let received = Buffer.alloc(0);
  let ended = false;
  socket.on('data', (data: Buffer) => (received = Buffer.concat([received, data])));
  socket
    .on('end', () => (ended = true))
    .on('close', () => (ended = true))
    .on('error', () => undefined);
  socket.write(
    'GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
  );
  await until('the handshake', () => received.includes('\r\n\r\n'));
  const head = received.indexOf('\r\n\r\n') + 4;
  if (!received.toString('latin1').startsWith('HTTP/1.1 101 ')) throw new Error(received.toString('latin1'));
  return { socket, frames: () => received.subarray(head), ended: () => ended };
}

test('CON8: a dead connection is pinged and closed, one that answers pings stays', async (t) => {
  const to = await server(t, { DATABASE_URL: 'memory:', WS_HEARTBEAT_INTERVAL: '4000', WS_HEARTBEAT_TIMEOUT: '8000' });
  const silent = await client(t, to);
  let pings = 0;
  silent.socket.on('ping', () => pings++);
  const watcher = await client(t, to);
  await watcher.subscribe('d');
  const dead = await deadClient(t, to);
  const connections = async () => {
    const health = (await (await fetch(`${to.http}/health`)).json()) as { connections: { totalConnections: number } };
    return health.connections.totalConnections;
  };
  t.equal(await connections(), 3);
  await until('the dead one to be closed', dead.ended);
  t.equal(dead.frames()[0], PING, 'it was asked before');
  await until('its session to end', async () => (await connections()) === 2);
  await until('a ping to the one that lives', () => pings > 0);
  t.equal(silent.closed, undefined, 'it answered');
  await silent.roundTrip();
});
