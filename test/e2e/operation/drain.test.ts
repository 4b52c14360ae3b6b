import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { test, type Test } from 'tap';
import type { RawClient } from '../../support/clients/client.js';
import { breakDisk, cannotFailDisks } from '../../support/disk.js';
import { client, folder, server } from '../../support/nodes/fixture.js';
import { missing, Writer } from '../../support/clients/load.js';
import { until, type ServerProcess } from '../../support/nodes/server.js';

/** A keep-alive HTTP connection. */
async function keptAlive(t: Test, to: ServerProcess) {
  const socket = connectTcp(to.port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  await once(socket, 'connect');
  let received = '';
  let open = true;
  socket.setEncoding('utf8').on('data', (data: string) => (received += data));
  socket.on('close', () => (open = false)).on('error', () => undefined);
  return {
    isOpen: () => open,
    async ask(path: string): Promise<string> {
      received = '';
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
      await until(`the answer to ${path}`, () => received.includes('\r\n\r\n') && received.endsWith('}'));
      return received;
    },
  };
}

/** Some clients that write, each to two documents. */
async function startLoad(t: Test, to: ServerProcess, clients: number, ahead: number) {
  const raws: RawClient[] = [];
  const writers: Writer[] = [];
  for (let i = 0; i < clients; i++) {
    const raw = await client(t, to, { encoding: i % 2 === 0 ? 'binary' : 'json' });
    raws.push(raw);
    for (const documentId of ['left', 'right']) writers.push(new Writer(raw, documentId, `c${i}-`, ahead));
  }
  await until('some acks', () => writers.every((writer) => writer.acks > 100));
  return { raws, writers };
}

/** Starts the server again on the folder and checks that everything acknowledged is there. */
async function checkAcked(t: Test, SYNCKIT_DATA_DIR: string, writers: readonly Writer[]): Promise<void> {
  const again = await server(t, { SYNCKIT_DATA_DIR });
  const raw = await client(t, again, { encoding: 'json' });
  for (const writer of writers) {
    const { state } = await raw.subscribe(writer.documentId);
    t.same(missing(writer, state as Record<string, unknown>), [], 'every acknowledged write is there');
  }
}

test('DRN1–DRN5: SIGTERM under load', async (t) => {
  const SYNCKIT_DATA_DIR = await folder(t);
  const to = await server(t, { SYNCKIT_DATA_DIR, SHUTDOWN_DRAIN_MS: '1500', SHUTDOWN_DEADLINE_MS: '60000' });
  const { raws, writers } = await startLoad(t, to, 10, 20);
  const idle = await keptAlive(t, to);
  t.match(await idle.ask('/health/live'), /^HTTP\/1.1 200 /);
  const asking = await keptAlive(t, to);
  t.match(await asking.ask('/health/ready'), /^HTTP\/1.1 200 /);

  to.child.kill('SIGTERM');
  await until('the drain to begin', () => to.log.some(({ msg }) => msg === 'draining'));
  const answer = await asking.ask('/health/ready');
  t.match(answer, /^HTTP\/1.1 503 /, 'DRN1: not ready');
  t.match(answer, /shutting down/);
  const refused = connectTcp(to.port, '127.0.0.1');
  const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
  t.equal(error.code, 'ECONNREFUSED', 'DRN1: no connection is taken');

  t.same(await to.ended, { code: 0, signal: null }, 'DRN4');
  t.equal(to.log.at(-1)?.msg, 'drained');
  await until('the connections to end', () => raws.every((raw) => raw.closed !== undefined));
  for (const raw of raws) t.equal(raw.closed?.code, 1012, 'DRN3');
  await until('the idle HTTP connection to end', () => !idle.isOpen());
  for (const raw of raws) {
    const codes = raw.received('error').map((m) => (m['details'] as { code: string }).code);
    t.same(
      codes.filter((code) => code !== 'SHUTTING_DOWN'),
      [],
    );
  }
  await checkAcked(t, SYNCKIT_DATA_DIR, writers);
});

test('DRN2: everything sent before is acknowledged before the connection closes, however much it is', async (t) => {
  const SYNCKIT_DATA_DIR = await folder(t);
  const to = await server(t, { SYNCKIT_DATA_DIR, SHUTDOWN_DRAIN_MS: '0' });
  const raw = await client(t, to);
  const writer = new Writer(raw, 'burst', 'f', 5_000);
  writer.stop();
  // Its answer comes after those of all messages that the acceptor has accepted before.
  await raw.roundTrip();
  t.same(await to.kill('SIGTERM'), { code: 0, signal: null });
  await raw.end();
  t.equal(writer.acks, 5_000);
  await checkAcked(t, SYNCKIT_DATA_DIR, [writer]);
});

test('DRN4: clients that never stop writing do not delay the drain', async (t) => {
  const SYNCKIT_DATA_DIR = await folder(t);
  // They go on although much is refused.
  const unlimited = { SYNCKIT_MAX_REFUSALS_PER_MINUTE: '0', SYNCKIT_MAX_MESSAGES_PER_MINUTE: '0' };
  const to = await server(t, { SYNCKIT_DATA_DIR, SHUTDOWN_DRAIN_MS: '500', ...unlimited });
  const { raws, writers } = await startLoad(t, to, 4, 1);
  const floods = raws.map((raw) =>
    setInterval(() => {
      for (let i = 0; i < 200 && raw.socket.bufferedAmount < 1_000_000; i++) raw.set(`flood-${i % 7}`, 'f', i);
    }, 1),
  );
  t.teardown(() => floods.forEach((flood) => clearInterval(flood)));
  await until('the flood', () => raws.every((raw) => raw.messages.length > 1_000));
  t.same(await to.kill('SIGTERM'), { code: 0, signal: null });
  for (const raw of raws) t.equal((await raw.end()).code, 1012);
  await checkAcked(t, SYNCKIT_DATA_DIR, writers);
});

test('DRN4: a second signal ends it at once', async (t) => {
  const to = await server(t, { SHUTDOWN_DRAIN_MS: '500000', SHUTDOWN_DEADLINE_MS: '600000' });
  await Promise.all(Array.from({ length: 30 }, () => client(t, to)));
  to.child.kill('SIGTERM');
  await until('the drain to begin', () => to.log.some(({ msg }) => msg === 'draining'));
  // As npm does when the terminal signals the process group.
  to.child.kill('SIGINT');
  await new Promise((resolve) => setTimeout(resolve, 600));
  t.equal(to.child.exitCode, null, 'the same signal twice is one');
  t.same(await to.kill('SIGINT'), { code: 1, signal: null });
  t.match(to.log.at(-1), { msg: /^second signal/, signal: 'SIGINT', sessions: Number });
});

test('DRN4: after the deadline it exits with 1 and logs what is left', { skip: cannotFailDisks }, async (t) => {
  const SYNCKIT_DATA_DIR = await folder(t);
  const to = await server(t, { SYNCKIT_DATA_DIR, SHUTDOWN_DRAIN_MS: '100', SHUTDOWN_DEADLINE_MS: '1500' });
  const raw = await client(t, to);
  await raw.acked(raw.set('d', 'kept', 1));
  const other = await client(t, to);
  await other.subscribe('d');
  breakDisk(to.pid);
  const stuck = raw.set('d', 'stuck', 1);
  await other.expect('the update', (m) => m['field'] === 'stuck');
  t.same(await to.kill('SIGTERM'), { code: 1, signal: null });
  const last = to.log.at(-1);
  t.match(last, { level: 'error', msg: /took too long/, sessions: 2, unsettledBytes: Number });
  t.ok((last?.['unsettledBytes'] as number) > 0);
  t.equal(
    raw.received('ack').some((m) => m['messageId'] === stuck),
    false,
    'what is not stored is not acknowledged',
  );
  const again = await server(t, { SYNCKIT_DATA_DIR });
  t.match((await (await client(t, again)).subscribe('d'))['state'], { kept: 1 });
});

test('PM2: `ready` when it listens, and `shutdown` drains', async (t) => {
  for (const stop of ['shutdown', 'SIGINT'] as const) {
    const to = await server(t, { SHUTDOWN_DRAIN_MS: '10' });
    await until('the handshake', () => to.messages.length > 0);
    t.same(to.messages, ['ready']);
    const raw = await client(t, to);
    await raw.acked(raw.set('d', 'f', 1));
    if (stop === 'shutdown') to.child.send(stop);
    else to.child.kill(stop);
    t.same(await to.ended, { code: 0, signal: null }, stop);
    t.equal((await raw.end()).code, 1012);
    t.match(to.log.at(-2), { msg: 'draining', signal: stop });
  }
});
