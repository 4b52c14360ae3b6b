/** The primary dies under load, its standby is promoted, and the node goes on without a restart. */
import pg from 'pg';
import tap, { test } from 'tap';
import { startPostgres } from '../../support/postgres/postgres-server.js';
import { primaryFlags, startStandby } from '../../support/postgres/postgres-standby.js';
import { Random, seedsToPlay } from '../../support/random.js';
import { server } from '../../support/nodes/fixture.js';
import { until } from '../../support/nodes/server.js';
import { AckChecker } from '../checker.js';
import { ChaosLoad } from '../load.js';

tap.setTimeout(300_000);

test('ACK1: a standby is promoted under load: every acknowledged write is there, and writes go on', async (t) => {
  const [seed = 1] = seedsToPlay([], 1);
  t.comment(`SEED=${seed}`);
  const primary = await startPostgres(primaryFlags);
  t.teardown(() => primary.stop());
  const standby = await startStandby(t, primary);
  const [first, second] = [new URL(primary.url), new URL(standby.url)];
  // The standby first, so that even the start has to look for the primary.
  const hosts = `${second.host},${first.host}`;
  const node = await server(t, {
    DATABASE_URL: `postgres://${first.username}:${first.password}@${hosts}/postgres?target_session_attrs=read-write`,
    DB_STATEMENT_TIMEOUT: '2000',
  });
  const checker = new AckChecker();
  const load = new ChaosLoad(checker, new Random(seed));
  t.teardown(() => load.end());
  await load.connect(node.url);
  await load.run(300);

  await primary.kill();
  const isReady = async (): Promise<boolean> => (await fetch(`${node.http}/health/ready`)).status === 200;
  await until('the node to notice', async () => !(await isReady()));
  const atDeath = checker.acks;
  await standby.promote();
  await until('acks again', () => checker.acks > atDeath + 100, 120_000);
  await until('the node to be ready', isReady);
  await load.run(300);

  t.strictSame(await load.differences(node.url), [], 'all clients hold what the server holds');
  t.strictSame(await load.lost(node.url), [], 'everything that was acknowledged is there');
  const client = new pg.Client({ connectionString: standby.url });
  await client.connect();
  for (const documentId of load.documents) {
    const { rows } = await client.query<{ state: Record<string, unknown> }>(
      'SELECT state FROM document_state WHERE id = $1',
      [documentId],
    );
    t.strictSame(checker.lost(documentId, rows[0]?.state ?? {}, checker.floor(documentId)), []);
  }
  await client.end();
  t.strictSame(load.problems, []);
  t.notMatch(JSON.stringify(node.log), new RegExp(first.password));
});
