/** A purge on one node, and the older write of another that waits for it: the lock of the document decides. */
import pg from 'pg';
import tap, { test } from 'tap';
import { horizonOf } from '../../../src/storage/horizon.js';
import { migrate } from '../../../src/storage/postgres/migrate.js';
import { purgeStatement } from '../../../src/storage/postgres/purge.js';
import { openPostgresStorage } from '../../../src/storage/postgres/storage.js';
import { change, row, rowsOf } from '../../contract/storage-rows.js';
import { database, ownSessions } from '../../support/postgres/postgres.js';
import { until } from '../../support/nodes/server.js';

tap.setTimeout(300_000);

test('TMB2 a commit that waits for a purge of another node is judged by the horizon after it', async (t) => {
  const db = await database(t);
  await migrate(db.url);
  const storage = openPostgresStorage({ ...db, minConnections: 0, maxConnections: 2, statementTimeoutMs: 60_000 });
  const other = new pg.Client({ connectionString: db.url });
  await other.connect();
  t.teardown(() => Promise.all([storage.close(), other.end()]));

  const gone = row({ path: 'gone', timestamp: 50, value: '{"__deleted":true}', deleted: true });
  await storage.commit([change('doc', [gone])]);
  await other.query('BEGIN');
  await other.query("SELECT FROM documents WHERE id = 'doc' FOR UPDATE");
  await other.query(purgeStatement([{ documentId: 'doc', fields: [gone], horizon: horizonOf([gone])! }]));
  const older = row({ path: 'gone', timestamp: 49 });
  const unknown = row({ path: 'unknown', timestamp: 49 });
  const newer = row({ path: 'newer', timestamp: 51 });
  const committed = storage.commit([change('doc', [older, unknown, newer])]);
  await until('the commit waits for the lock', async () => {
    const waiting = await db.query(`SELECT FROM ${ownSessions} AND wait_event_type = 'Lock' AND query ~ 'documents'`);
    return waiting.length > 0;
  });
  await other.query('COMMIT');
  const { expired = [], horizons } = await committed;
  t.strictSame(expired.map(({ path }) => path).sort(), ['gone', 'unknown']);
  t.strictSame(horizons?.get('doc'), horizonOf([gone]), 'and the node is told of it');
  t.strictSame(await rowsOf(storage, 'doc'), [newer]);
});

test('TMB2 the horizon holds in every statement of a commit, and where rows are refused', async (t) => {
  const db = await database(t);
  await migrate(db.url);
  const storage = openPostgresStorage({ ...db, minConnections: 0, maxConnections: 2, statementTimeoutMs: 60_000 });
  t.teardown(() => storage.close());
  const gone = row({ path: 'gone', timestamp: 50, value: '{"__deleted":true}', deleted: true });
  await storage.commit([{ ...change('doc', [gone]), purge: { fields: [gone], horizon: horizonOf([gone])! } }]);
  const many = Array.from({ length: 6_000 }, (_, i) => row({ path: `f${i}`, timestamp: i % 2 === 0 ? 49 : 51 }));
  const { expired = [] } = await storage.commit([change('doc', many)]);
  t.equal(expired.length, 3_000);
  t.equal((await rowsOf(storage, 'doc')).length, 3_000);

  await db.query("ALTER TABLE fields ADD CONSTRAINT odd CHECK (path <> 'refused')");
  const few = [row({ path: 'refused', timestamp: 51 }), row({ path: 'old', timestamp: 49 }), row({ path: 'new' })];
  const bisected = await storage.commit([change('doc', few)]);
  t.strictSame(
    bisected.refused.map(({ path }) => path),
    ['refused'],
  );
  t.strictSame(bisected.expired, [{ documentId: 'doc', path: 'old' }]);
  t.ok((await rowsOf(storage, 'doc')).some(({ path }) => path === 'new'));
});
