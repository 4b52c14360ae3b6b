/** LMDB gives up, and a storage that does not answer: the process ends by itself, so that a process manager starts it again. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { client, folder, server } from '../../support/nodes/fixture.js';
import { startServer, until } from '../../support/nodes/server.js';

const panicking = fileURLToPath(new URL('../../support/nodes/panicking-main.js', import.meta.url));

test('after a failed write of its meta page, everything acked is with its clients, and the process ends', async (t) => {
  const SYNCKIT_DATA_DIR = await folder(t);
  const to = await startServer({ SYNCKIT_DATA_DIR, SHARDS: '2' }, panicking);
  t.teardown(() => to.kill('SIGKILL'));
  const writers = await Promise.all(Array.from({ length: 4 }, () => client(t, to)));
  let sent = 0;
  const write = (): void => {
    for (const [i, writer] of writers.entries()) writer.set(`d${i}`, `f${sent++}`, 1);
  };
  for (let i = 0; i < 20; i++) write();
  await until('acks', () => writers.every((writer) => writer.received('ack').length > 0));
  for (let i = 0; i < 50; i++) write();
  to.child.send('break');
  // Until it notices: what it is sent after that is not stored.
  while (writers.every((writer) => writer.closed === undefined)) {
    write();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const { code, signal } = await to.ended;
  t.not(code, 0, `it ends by itself, with ${code ?? signal}`);
  t.ok(to.log.some(({ level, msg }) => level === 'fatal' && /failed for good/.test(msg)));
  const acked = writers.flatMap((writer) => writer.received('ack').map(({ messageId }) => messageId as string));
  t.ok(acked.length < sent, 'not all of it was durable');
  t.ok(
    writers.every((writer) => writer.closed?.code === 1012),
    'the clients are told to connect again',
  );

  const again = await server(t, { SYNCKIT_DATA_DIR });
  const reader = await client(t, again);
  const stored = await Promise.all(writers.map(async (_, i) => (await reader.subscribe(`d${i}`))['state'] as object));
  const count = stored.reduce((sum, state) => sum + Object.keys(state).length, 0);
  t.ok(count >= acked.length, `${count} fields are stored, ${acked.length} were acked`);
  await reader.acked(reader.set('d0', 'after', 1));
});

test('a shard whose storage does not answer is named, and the process ends', async (t) => {
  const SYNCKIT_DATA_DIR = await folder(t);
  // Whoever opens it waits for a writer.
  t.equal(spawnSync('mkfifo', [join(SYNCKIT_DATA_DIR, 'synckit.json')]).status, 0);
  const env = { SYNCKIT_DATA_DIR, SHARDS: '1', SYNCKIT_SHARD_START_TIMEOUT_MS: '1500' };
  await t.rejects(server(t, env), /shard 0 did not start within 1\.5 s \(SYNCKIT_SHARD_START_TIMEOUT_MS\)/);
});

const hopeless: [directory: string, sentence: RegExp][] = [
  ['/proc/x', /data directory \/proc\/x can't be created: ENOENT/],
  ['/proc/x/y/z', /data directory .* can't be created: ENOENT/],
  ['/dev/null/x', /data directory .* can't be created: ENOTDIR/],
  ['/dev/null', /data directory \/dev\/null can't be created: it is not a folder/],
  ['/sys/x', /data directory \/sys\/x can't be created/],
  [`/tmp/${'x'.repeat(300)}`, /data directory .* can't be created: ENAMETOOLONG/],
];

for (const [directory, sentence] of hopeless) {
  test(`SYNCKIT_DATA_DIR=${directory.slice(0, 20)} is refused at once`, async (t) => {
    await t.rejects(server(t, { SYNCKIT_DATA_DIR: directory, SHARDS: '1' }), sentence);
    await t.rejects(server(t, { SYNCKIT_DATA_DIR: directory, SHARDS: '1' }), /ended with 1/);
  });
}
