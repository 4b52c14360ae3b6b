import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import tap, { test } from 'tap';
import {
  checkSchema,
  migrate,
  migrationStates,
  ownMigrations,
  type Migration,
} from '../../../src/storage/postgres/migrate.js';
import { waitForDatabase } from '../../../src/storage/postgres/connection/wait-for-database.js';
import { database, newDatabase } from '../../support/postgres/postgres.js';
import { startProxy } from '../../support/network/proxy.js';

// tap's own limit is short for a busy machine.
tap.setTimeout(300_000);

const cli = fileURLToPath(new URL('../../../src/cli.js', import.meta.url));

function run(url: string, ...args: string[]) {
  const env = { PATH: process.env['PATH'], DATABASE_URL: url };
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, 'migrate', ...args], { encoding: 'utf8', env });
  return { status, stdout, stderr };
}

function migration(version: number, sql: string): Migration {
  return { version, name: `${String(version).padStart(3, '0')}_test`, sql, checksum: `of ${sql}` };
}

test('the migrations are numbered without a gap', (t) => {
  t.same(
    ownMigrations().map(({ version }) => version),
    ownMigrations().map((_, i) => i + 1),
  );
  t.end();
});

test('many nodes that start at once migrate once', async (t) => {
  const { url, query } = await database(t);
  const own = [migration(1, 'CREATE TABLE one (); SELECT pg_sleep(0.2)'), migration(2, 'CREATE TABLE two ()')];
  const results = await Promise.all(Array.from({ length: 10 }, () => migrate(url, own)));
  t.same(
    results.filter((names) => names.length > 0),
    [['001_test', '002_test']],
  );
  t.same(await query('SELECT version, name FROM schema_migrations ORDER BY version'), [
    { version: 1, name: '001_test' },
    { version: 2, name: '002_test' },
  ]);
  await checkSchema(url, own);
});

test('a failed migration is rolled back', async (t) => {
  const { url, query } = await database(t);
  const first = migration(1, 'CREATE TABLE one ()');
  await migrate(url, [first]);
  const bad = [first, migration(2, 'CREATE TABLE two ()'), migration(3, 'CREATE TABLE three (); SELECT 1 / 0')];
  await t.rejects(migrate(url, bad));
  t.same(await query("SELECT to_regclass('two') AS two"), [{ two: null }]);
  t.same(await query('SELECT version FROM schema_migrations'), [{ version: 1 }]);
  await t.rejects(checkSchema(url, bad), { name: 'SchemaError', message: /lacks 002_test, 003_test.*migrate/ });
});

test('a schema that is newer, or of another making, is refused', async (t) => {
  const { url, query } = await database(t);
  const both = [migration(1, 'CREATE TABLE one ()'), migration(2, 'CREATE TABLE two ()')];
  await migrate(url, both);
  const newer = { name: 'SchemaError', message: /newer version of the server \(002_test\)/ };
  await t.rejects(migrate(url, both.slice(0, 1)), newer);
  await t.rejects(checkSchema(url, both.slice(0, 1)), newer);
  const changed = [migration(1, 'CREATE TABLE uno ()'), both[1]!];
  await t.rejects(migrate(url, changed), { name: 'SchemaError', message: /001_test is not the one/ });
  await query('DELETE FROM schema_migrations');
  await t.rejects(migrate(url, both), { name: 'SchemaError', message: /"one" already exists.*of its own/ });
});

test('a database of another encoding is refused', async (t) => {
  const { url, query, drop } = await newDatabase();
  t.teardown(drop);
  const name = `${new URL(url).pathname.slice(1)}_ascii`;
  await query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'`);
  t.teardown(() => query(`DROP DATABASE ${name}`));
  await t.rejects(migrate(url.replace(/[^/]*$/, name)), { name: 'SchemaError', message: /SQL_ASCII, UTF8 is needed/ });
});

test('synckit-server migrate, and --status', async (t) => {
  const { url } = await database(t);
  const names = ownMigrations().map(({ name }) => name);
  t.match(run(url, '--status'), { status: 0, stdout: names.map((name) => `${name}  missing\n`).join('') });
  t.match(run(url), { status: 0, stdout: names.map((name) => `${name} applied\n`).join('') });
  t.match(run(url), { status: 0, stdout: 'The database is up to date.\n' });
  t.match(run(url, '--status'), {
    status: 0,
    stdout: new RegExp(`^(\\d{3}_\\w+ {2}applied \\d{4}-\\S+Z\\n){${names.length}}$`),
  });
  const failed = run('postgres://ann:hunter2@127.0.0.1:1/none');
  t.match(failed, { status: 1, stdout: '', stderr: /ECONNREFUSED/ });
  t.notMatch(failed.stderr, /hunter2|\n {4}at /);
  t.same(
    (await migrationStates(url)).map(({ name }) => name),
    names,
  );
});

test('a start waits for the database, and not for ever', async (t) => {
  const { url } = await database(t);
  const proxy = await startProxy(url);
  t.teardown(() => proxy.close());
  proxy.set('down');
  const reasons: string[] = [];
  const migrated: (readonly string[])[] = [];
  const wait = (timeoutMs: number, autoMigrate: boolean) =>
    waitForDatabase({
      maxConnections: 1,
      onFewer: () => undefined,
      url: proxy.through(url),
      autoMigrate,
      timeoutMs,
      onWait: (reason) => {
        reasons.push(reason);
        if (reasons.length === 1 && timeoutMs > 1_000) proxy.set('open');
      },
      onMigrated: (names) => migrated.push(names),
    });
  await t.rejects(wait(0, true), /DB_CONNECT_TIMEOUT is over: /);
  await wait(60_000, true);
  t.equal(reasons.length, 1);
  t.same(migrated, [ownMigrations().map(({ name }) => name)]);
  await wait(0, false);
  await wait(0, true);
  t.equal(migrated.length, 1);
});
