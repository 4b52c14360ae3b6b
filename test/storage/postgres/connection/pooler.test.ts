/** A real PgBouncer between the server and its database: what works through it, and what is said where it does not. */
import { test } from 'tap';
import { migrate } from '../../../../src/storage/postgres/migrate.js';
import { countConnections } from '../../../../src/storage/postgres/connection/pooler.js';
import { openPostgresStorage } from '../../../../src/storage/postgres/storage.js';
import { change, onlyRow, row } from '../../../contract/storage-rows.js';
import { RawClient } from '../../../support/clients/client.js';
import { server } from '../../../support/nodes/fixture.js';
import { pgBouncer } from '../../../support/postgres/pgbouncer.js';
import { database, ownSessions } from '../../../support/postgres/postgres.js';
import { startServer, until } from '../../../support/nodes/server.js';

test('session mode: a server starts, migrates, commits and loads', async (t) => {
  const { url } = await database(t);
  const pooled = await pgBouncer(t, url, { mode: 'session', connections: 10 });
  const node = await server(t, { DATABASE_URL: pooled, DB_POOL_MAX: '6' });
  const raw = await RawClient.connect(node.url);
  t.teardown(() => raw.socket.terminate());
  for (let i = 0; i < 20; i++) await raw.acked(raw.set(`doc-${i}`, 'f', i));
  t.same((await raw.subscribe('doc-7'))['state'], { f: 7 });
  t.notOk(node.log.some(({ msg }) => /pooler/.test(msg)));
  t.equal((await node.kill('SIGTERM')).code, 0);
});

test('session mode: statements have their time, and commits are synchronous', async (t) => {
  const { url, query } = await database(t);
  await migrate(url);
  await query(`ALTER DATABASE ${new URL(url).pathname.slice(1)} SET synchronous_commit = off`);
  const pooled = await pgBouncer(t, url, { mode: 'session', connections: 5 });
  const storage = openPostgresStorage({ url: pooled, minConnections: 0, maxConnections: 2, statementTimeoutMs: 500 });
  t.teardown(() => storage.close());
  await query(`CREATE TABLE seen (name text, setting text)`);
  await query(`CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO seen SELECT name, setting FROM pg_settings
      WHERE name IN ('synchronous_commit', 'statement_timeout', 'idle_in_transaction_session_timeout');
    RETURN NEW;
  END $$`);
  await query('CREATE TRIGGER look BEFORE INSERT ON fields FOR EACH ROW EXECUTE FUNCTION look()');
  await storage.commit([change('doc', [row({ counter: 8 })])]);
  t.equal((await onlyRow(storage, 'doc')).counter, 8);
  t.same(await query('SELECT * FROM seen ORDER BY name'), [
    { name: 'idle_in_transaction_session_timeout', setting: '500' },
    { name: 'statement_timeout', setting: '500' },
    { name: 'synchronous_commit', setting: 'on' },
  ]);
});

for (const mode of ['transaction', 'statement'] as const) {
  test(`${mode} mode is refused at the start, with a sentence`, async (t) => {
    const { url } = await database(t);
    const pooled = await pgBouncer(t, url, { mode, connections: 3 });
    // What it says is in the error, with the exit code.
    await t.rejects(startServer({ DATABASE_URL: pooled, DB_POOL_MAX: '4' }), {
      message: /ended with 1: [^]*in transaction or statement mode[^]*use session mode/,
    });
  });
}

test('a pooler with fewer connections than DB_POOL_MAX is named at the start', async (t) => {
  const { url } = await database(t);
  const pooled = await pgBouncer(t, url, { mode: 'session', connections: 3 });
  const node = await server(t, { DATABASE_URL: pooled, DB_POOL_MAX: '6' });
  const warning = node.log.find(({ msg }) => /serves fewer connections than DB_POOL_MAX/.test(msg));
  t.match(warning, { level: 'warn', connections: 3, DB_POOL_MAX: 6 });
});

test('connections are counted without a pooler too, and none is left behind', async (t) => {
  const { url, query } = await database(t);
  t.equal(await countConnections(url, 1), 1);
  t.equal(await countConnections(url, 2), 2);
  t.equal(await countConnections(url, 5), 5);
  const single = await pgBouncer(t, url, { mode: 'session', connections: 1 });
  t.equal(await countConnections(single, 3), 1);
  const own = `SELECT FROM ${ownSessions} AND application_name = 'synckit-server'`;
  await until('all of them to end', async () => (await query(own)).length === 0);
});

test('at run time, who waits for a connection in vain is told of the pooler', async (t) => {
  const { url } = await database(t);
  await migrate(url);
  const pooled = await pgBouncer(t, url, { mode: 'session', connections: 1 });
  const open = () =>
    openPostgresStorage({ url: pooled, minConnections: 1, maxConnections: 1, statementTimeoutMs: 1_000 });
  const [first, second] = [open(), open()];
  t.teardown(() => Promise.all([first.close(), second.close()]));
  await first.commit([change('doc', [row()])]);
  await t.rejects(second.load(['doc']), /accepted but not served in 3000 ms; a pooler may have fewer than DB_POOL_MAX/);
});
