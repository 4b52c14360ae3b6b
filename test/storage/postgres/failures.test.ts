/** A database that fails, in all the ways that databases and networks do. */
import tap, { test, type Test } from 'tap';
import { migrate } from '../../../src/storage/postgres/migrate.js';
import { openPostgresStorage, type PostgresOptions } from '../../../src/storage/postgres/storage.js';
import type { Storage } from '../../../src/storage/port.js';
import { change, contentOf, onlyRow, row, rowsOf } from '../../contract/storage-rows.js';
import { database, ownLocks, ownSessions, serverUrl, type TestDatabase } from '../../support/postgres/postgres.js';
import { startProxy, type Proxy } from '../../support/network/proxy.js';
import { until } from '../../support/nodes/server.js';

// tap's own limit is short for a busy machine.
tap.setTimeout(300_000);

interface Opened {
  readonly db: TestDatabase;
  readonly proxy: Proxy;
  readonly storage: Storage;
}

/** A storage with one document that reaches its database by a proxy. */
async function opened(t: Test, about: Partial<PostgresOptions> = {}): Promise<Opened> {
  const db = await database(t);
  await migrate(db.url);
  const proxy = await startProxy(db.url);
  const url = proxy.through(db.url);
  const storage = openPostgresStorage({
    url,
    minConnections: 1,
    maxConnections: 3,
    statementTimeoutMs: 60_000,
    ...about,
  });
  t.teardown(async () => {
    proxy.set('open');
    await storage.close();
    await proxy.close();
  });
  await storage.commit([change('doc', [row()])]);
  return { db, proxy, storage };
}

/** Raises an error in the database at each insert into fields, a given number of times. */
async function raise({ db }: Opened, code: string, times = 1_000_000): Promise<void> {
  await db.query('DROP SEQUENCE IF EXISTS raised');
  await db.query('CREATE SEQUENCE raised');
  await db.query(`CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF nextval('raised') <= ${times} THEN RAISE EXCEPTION 'words of the database' USING ERRCODE = '${code}'; END IF;
    RETURN NEW;
  END $$`);
  await db.query('CREATE OR REPLACE TRIGGER fail BEFORE INSERT ON fields FOR EACH ROW EXECUTE FUNCTION fail()');
}

const changes = [change('doc', [row({ counter: 8 })])];

/** Not those of the database itself, such as its vacuum. */
const waiting = `SELECT FROM ${ownSessions} AND wait_event_type = 'Lock'`;

test('connections that are ended: what runs rejects, what comes next finds new ones', async (t) => {
  const { db, storage } = await opened(t);
  await Promise.all([storage.load(['doc']), storage.load(['other']), storage.commit(changes)]);
  const end = (which = 'true') => db.query(`SELECT pg_terminate_backend(pid) FROM ${ownSessions} AND ${which}`);
  await end();
  await until('a commit to succeed', () =>
    storage.commit(changes).then(
      () => true,
      () => false,
    ),
  );
  const lock = db.query('BEGIN; LOCK fields; SELECT pg_sleep(60); COMMIT').catch(() => undefined);
  await until(
    'the lock',
    async () =>
      (
        await db.query(
          `SELECT FROM ${ownLocks} AND relation = 'fields'::regclass AND mode = 'AccessExclusiveLock' AND granted`,
        )
      ).length > 0,
  );
  const running = [
    t.rejects(storage.commit(changes), /57P01|terminat/),
    t.rejects(storage.load(['doc']), /57P01|terminat/),
  ];
  await until('both to wait for the lock', async () => (await db.query(waiting)).length === 2);
  // The holder of the lock last: who waits for it would get it, and could be done before its own end.
  await end("wait_event_type = 'Lock'");
  await Promise.all(running);
  await end();
  await lock;
  t.equal((await onlyRow(storage, 'doc')).counter, 8);
});

test('an outage: commits and loads reject, a document is never empty for it', async (t) => {
  const { proxy, storage } = await opened(t);
  proxy.set('down');
  await t.rejects(storage.commit(changes));
  await t.rejects(storage.load(['doc']));
  await t.rejects(storage.load(['unknown']));
  proxy.set('open');
  t.same((await storage.commit(changes)).refused, []);
  t.equal((await onlyRow(storage, 'doc')).counter, 8);
});

test('a network that swallows everything is noticed', async (t) => {
  const { proxy, storage } = await opened(t, { statementTimeoutMs: 500 });
  proxy.set('stalled');
  await Promise.all([t.rejects(storage.commit(changes), /timeout/), t.rejects(storage.load(['doc']), /timeout/)]);
  proxy.set('open');
  t.same((await storage.commit(changes)).refused, []);
  t.equal((await onlyRow(storage, 'doc')).counter, 8);
});

test('a slow database: a statement ends when its time is over', async (t) => {
  const { db, storage } = await opened(t, { statementTimeoutMs: 500 });
  const lock = db.query('BEGIN; LOCK fields; SELECT pg_sleep(60); COMMIT').catch(() => undefined);
  await until(
    'the lock',
    async () =>
      (
        await db.query(
          `SELECT FROM ${ownLocks} AND relation = 'fields'::regclass AND mode = 'AccessExclusiveLock' AND granted`,
        )
      ).length > 0,
  );
  await t.rejects(storage.commit(changes), /57014/);
  await t.rejects(storage.load(['doc']), /57014/);
  await db.query(`SELECT pg_terminate_backend(pid) FROM ${ownSessions} AND query LIKE '%pg_sleep%'`);
  await lock;
  t.same((await storage.commit(changes)).refused, []);
});

test('serialization failures and deadlocks are tried again, and nobody hears of them', async (t) => {
  const all = await opened(t);
  for (const [i, code] of ['40001', '40P01'].entries()) {
    await raise(all, code, 3);
    t.same((await all.storage.commit([change('doc', [row({ counter: 10 + i })])])).refused, []);
    t.equal((await onlyRow(all.storage, 'doc')).counter, 10 + i);
  }
});

for (const [what, code] of [
  ['a full disk', '53100'],
  ['a standby that accepts no writes', '25006'],
  ['too many connections', '53300'],
  ['a shutdown', '57P01'],
  ['an internal error', 'XX000'],
] as const) {
  test(`${what} (${code}) rejects, and nothing of the commit is written`, async (t) => {
    const all = await opened(t);
    await raise(all, code);
    await t.rejects(all.storage.commit([change('new', [row()], 5), ...changes]), new RegExp(code));
    t.strictSame(await contentOf(all.storage, ['new']), [{ stamp: 0, fields: [], text: [] }]);
    await all.db.query('DROP TRIGGER fail ON fields');
    t.same((await all.storage.commit(changes)).refused, []);
    t.equal((await onlyRow(all.storage, 'doc')).counter, 8);
  });
}

test('a row that violates a rule of the database is refused by itself, without its words', async (t) => {
  const { db, storage } = await opened(t);
  await db.query(`ALTER TABLE fields ADD CONSTRAINT no CHECK (value <> '"payload"')`);
  const { refused } = await storage.commit([
    change('doc', [row({ path: 'bad', value: '"payload"' }), row({ path: 'good' })]),
  ]);
  t.match(refused, [{ documentId: 'doc', path: 'bad', reason: /23514/ }]);
  t.notMatch(refused[0]!.reason, /payload/);
  t.same(
    (await rowsOf(storage, 'doc')).filter(({ deleted }) => !deleted).map(({ path }) => path),
    ['field', 'good'],
  );
});

test('a database that has no connection left', async (t) => {
  const { db, proxy, storage } = await opened(t);
  await db.query(`CREATE ROLE few_${process.pid} LOGIN PASSWORD 'few' CONNECTION LIMIT 1`);
  await db.query(`GRANT ALL ON ALL TABLES IN SCHEMA public TO few_${process.pid}`);
  t.teardown(async () => {
    await db.query(`DROP OWNED BY few_${process.pid}; DROP ROLE few_${process.pid}`);
  });
  const url = new URL(proxy.through(db.url));
  url.username = `few_${process.pid}`;
  url.password = 'few';
  const few = openPostgresStorage({ url: url.href, minConnections: 0, maxConnections: 2, statementTimeoutMs: 60_000 });
  await few.commit(changes);
  const other = openPostgresStorage({
    url: url.href,
    minConnections: 0,
    maxConnections: 2,
    statementTimeoutMs: 60_000,
  });
  await t.rejects(other.load(['doc']), /53300/);
  await few.close();
  await until('the connection to be free', () =>
    other.load(['doc']).then(
      () => true,
      () => false,
    ),
  );
  await other.close();
  t.equal((await onlyRow(storage, 'doc')).counter, 8);
});

test('commits are synchronous, whatever the default of the database', async (t) => {
  const { db } = await opened(t);
  await db.query(`ALTER DATABASE ${new URL(db.url).pathname.slice(1)} SET synchronous_commit = off`);
  await db.query(`CREATE TABLE seen (setting text)`);
  await db.query(`CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO seen VALUES (current_setting('synchronous_commit')); RETURN NEW; END $$`);
  await db.query('CREATE TRIGGER look BEFORE INSERT ON fields FOR EACH ROW EXECUTE FUNCTION look()');
  const fresh = openPostgresStorage({ url: db.url, minConnections: 0, maxConnections: 1, statementTimeoutMs: 60_000 });
  t.teardown(() => fresh.close());
  await fresh.commit(changes);
  t.same(await db.query('SELECT setting FROM seen'), [{ setting: 'on' }]);
});

test('a standby is refused', async (t) => {
  const { db } = await opened(t);
  // What every connection is asked finds this function before the real one.
  await db.query(`ALTER DATABASE ${new URL(db.url).pathname.slice(1)} SET search_path = public, pg_catalog`);
  await db.query(`CREATE FUNCTION public.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT true'`);
  const fresh = openPostgresStorage({ url: db.url, minConnections: 0, maxConnections: 2, statementTimeoutMs: 60_000 });
  t.teardown(() => fresh.close());
  await t.rejects(fresh.load(['doc']), /standby/, 'it may not have the latest writes');
  await t.rejects(fresh.commit(changes), /standby/);
  await t.rejects(migrate(db.url), /standby/);
  await db.query('DROP FUNCTION public.pg_is_in_recovery()');
  t.same((await fresh.commit(changes)).refused, []);
  t.equal((await onlyRow(fresh, 'doc')).counter, 8);
});

test('errors hold no credentials', async (t) => {
  const admin = new URL(await serverUrl());
  const messages: string[] = [];
  const tryOpening = async (change: (url: URL) => void) => {
    const url = new URL(admin.href);
    url.password = 'hunter2';
    change(url);
    const storage = openPostgresStorage({
      url: url.href,
      minConnections: 0,
      maxConnections: 1,
      statementTimeoutMs: 9_000,
    });
    const error: unknown = await storage.load(['doc']).catch((error: unknown) => error);
    if (!(error instanceof Error)) throw new Error('it could be opened');
    messages.push(`${error.message} ${JSON.stringify(error)} ${error.stack}`);
    await storage.close();
  };
  await tryOpening(() => undefined);
  await tryOpening((url) => (url.port = '1'));
  await tryOpening((url) => (url.hostname = 'does-not-exist.invalid'));
  await tryOpening((url) => (url.pathname = '/no-such-database'));
  await tryOpening((url) => (url.search = 'sslmode=verify-ca'));
  await tryOpening((url) => (url.search = 'sslmode=verify-full&sslrootcert=/no/such/file'));
  t.equal(messages.length, 6);
  for (const message of messages) t.notMatch(message, /hunter2/);
});
