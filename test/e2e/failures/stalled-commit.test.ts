import pg from 'pg';
import { test } from 'tap';
import { client, server } from '../../support/nodes/fixture.js';
import { database } from '../../support/postgres/postgres.js';
import { until, type ServerProcess } from '../../support/nodes/server.js';

async function readyOf({ http }: ServerProcess): Promise<{ status: number; body: string }> {
  const answer = await fetch(`${http}/health/ready`);
  return { status: answer.status, body: await answer.text() };
}

test('ACK5: while somebody else locks a table, the node is not ready, and says why', async (t) => {
  const { url } = await database(t);
  const node = await server(t, {
    DATABASE_URL: url,
    SHARDS: '1',
    SYNCKIT_COMMIT_STALL_MS: '500',
    // The statement itself does not end.
    DB_STATEMENT_TIMEOUT: '3600000',
  });
  const [writer, listener] = [await client(t, node), await client(t, node)];
  await writer.acked(writer.set('d', 'before', 1));
  await listener.subscribe('d');
  t.equal((await readyOf(node)).status, 200);

  const other = new pg.Client({ connectionString: url });
  await other.connect();
  t.teardown(() => other.end());
  await other.query('BEGIN');
  await other.query('LOCK TABLE fields IN ACCESS EXCLUSIVE MODE');
  const during = writer.set('d', 'during', 2);
  await listener.expect('the update', (m) => m['field'] === 'during');
  await until('the node to say so', async () => (await readyOf(node)).status === 503);
  t.match((await readyOf(node)).body, /The storage does not take writes/);
  t.ok(node.log.some(({ msg }) => msg.includes('SYNCKIT_COMMIT_STALL_MS')));
  const metrics = await (await fetch(`${node.http}/metrics`)).text();
  t.match(metrics, /^synckit_storage_healthy 0$/m);
  t.equal(writer.received('ack').length, 1);

  await other.query('COMMIT');
  await writer.acked(during);
  await until('the node to be ready', async () => (await readyOf(node)).status === 200);
  t.same(writer.received('error'), []);
});
