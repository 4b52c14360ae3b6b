/**
 * A worker dies while its commits wait, as behind a table that somebody else locks. The next one is given all that it left:
 * nothing is relayed twice, and who asks for something meanwhile is answered although none of it is durable yet.
 */
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import tap, { test } from 'tap';
import { client } from '../support/nodes/fixture.js';
import { database } from '../support/postgres/postgres.js';
import { startServer, until } from '../support/nodes/server.js';

// tap's own limit is short for a busy machine.
tap.setTimeout(300_000);

const killable = fileURLToPath(new URL('../support/nodes/killable-main.js', import.meta.url));

test('ACK4: what a worker left behind is merged again, relayed once, and in nobody’s way', async (t) => {
  const { url } = await database(t);
  const env = { DATABASE_URL: url, SHARDS: '1', SYNC_BATCH_DELAY: '0', DB_STATEMENT_TIMEOUT: '3600000' };
  const node = await startServer(env, killable);
  t.teardown(() => node.kill('SIGKILL'));
  const [writer, listener] = [await client(t, node), await client(t, node, { encoding: 'json' })];
  await writer.acked(writer.set('d', 'before', 0));
  await writer.acked(writer.set('other', 'stored', true));
  await listener.subscribe('d');

  const locker = new pg.Client({ connectionString: url });
  await locker.connect();
  t.teardown(() => locker.end());
  await locker.query('BEGIN');
  await locker.query('LOCK TABLE fields IN SHARE MODE'); // it can be read
  const waiting: string[] = [];
  for (let n = 1; n <= 20; n++) {
    waiting.push(writer.set('d', `f${n}`, n));
    const operation = { type: 'counter', documentId: 'd', counterId: 'c', value: n, clientId: 'me' };
    waiting.push(writer.send('delta_batch', { documentId: 'd', deltas: [operation] }));
    await listener.expect('the operation', (m) => relayedOf(m).includes(n));
  }
  for (let death = 1; death <= 2; death++) {
    node.child.send({ terminate: 0 });
    const isReplaced = ({ msg }: { readonly msg: string }): boolean => msg.startsWith('shard worker ended');
    await until('a death', () => node.log.filter(isReplaced).length === death);
    const reader = await client(t, node);
    t.same((await reader.subscribe('other'))['state'], { stored: true }, 'it is answered while commits wait');
  }
  t.equal(writer.received('ack').length, 2);
  await locker.query('COMMIT');
  for (const id of waiting) await writer.acked(id);
  await listener.roundTrip();
  const relayed = listener.received('delta_batch').flatMap(relayedOf);
  t.strictSame(
    relayed,
    Array.from({ length: 20 }, (_, i) => i + 1),
    'each operation once',
  );
  t.same(writer.received('error'), []);
});

/** The values of the counter operations in a message. */
function relayedOf(message: { readonly [key: string]: unknown }): unknown[] {
  const deltas = (message['deltas'] ?? []) as { type?: string; value?: unknown }[];
  return deltas.filter(({ type }) => type === 'counter').map(({ value }) => value);
}
