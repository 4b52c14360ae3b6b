/** The hosts of DATABASE_URL: what is read from it, and a real database by its Unix socket and among others. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { parseDatabaseAddress } from '../../../src/storage/postgres/connection/address.js';
import { migrate } from '../../../src/storage/postgres/migrate.js';
import { openPostgresStorage } from '../../../src/storage/postgres/storage.js';
import { change, onlyRow, row } from '../../contract/storage-rows.js';
import { client, server } from '../../support/nodes/fixture.js';
import { startPostgres } from '../../support/postgres/postgres-server.js';
import { database } from '../../support/postgres/postgres.js';
import { startProxy } from '../../support/network/proxy.js';

function urlsOf(text: string): readonly string[] | undefined {
  return parseDatabaseAddress(text)?.urls;
}

test('the hosts of an address, as libpq reads it', (t) => {
  t.same(urlsOf('postgres://u:p%40@h/d'), ['postgres://u:p%40@h:5432/d']);
  t.same(urlsOf('postgresql://h1,h2:7,[::1]:8/d?sslmode=require'), [
    'postgresql://h1:5432/d?sslmode=require',
    'postgresql://h2:7/d?sslmode=require',
    'postgresql://[::1]:8/d?sslmode=require',
  ]);
  t.same(urlsOf('postgres:///d?host=a,b&port=1,2'), ['postgres://a:1/d', 'postgres://b:2/d']);
  t.same(urlsOf('postgres://u@ignored/d?host=a,b&port=9'), ['postgres://u@a:9/d', 'postgres://u@b:9/d']);
  const socket = 'postgres://u@localhost:5432/d?host=%2Fvar%2Frun%2Fpostgresql';
  t.same(urlsOf('postgres://u@/d?host=/var/run/postgresql&sslmode=require'), [socket]);
  t.same(urlsOf('postgres://u@%2Fvar%2Frun%2Fpostgresql/d'), [socket]);
  t.same(urlsOf('postgres://'), ['postgres://localhost:5432']);
  const both = parseDatabaseAddress('postgres://a,b/d?target_session_attrs=read-write&sslmode=verify-full');
  t.match(both, { sessionAttributes: 'read-write', sslMode: 'verify-full' });
  t.notMatch(both?.urls.join(), /target_session_attrs/);
  t.same(urlsOf('postgres:///d?host=::1,[::2],h&port=7'), [
    'postgres://[::1]:7/d',
    'postgres://[::2]:7/d',
    'postgres://h:7/d',
  ]);
  for (const port of ['abc', '0', '70000', '1,', '-1', '5432x', '1e3'])
    t.equal(urlsOf(`postgres://h/d?port=${port}`), undefined, port);
  for (const bad of ['http://h', 'postgres://a b/d', 'postgres://h1,h2/d?port=1,2,3', 'postgres://u:p/w@h/d', 'h']) {
    t.equal(urlsOf(bad), undefined, bad);
  }
  t.end();
});

test('a server reaches its database by a Unix socket', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'synckit-socket-'));
  await chmod(folder, 0o777); // the database has another user
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const postgres = await startPostgres([`unix_socket_directories=${folder}`, 'listen_addresses=127.0.0.1']);
  t.teardown(() => postgres.stop());
  const { username, password, port } = new URL(postgres.url);
  const url = `postgres://${username}:${password}@/postgres?host=${folder}&port=${port}`;
  const node = await server(t, { DATABASE_URL: url });
  const raw = await client(t, node);
  await raw.acked(raw.set('doc', 'f', 1));
  t.same((await raw.subscribe('doc'))['state'], { f: 1 });
});

test('of several hosts, one that can be written is used, and the others when it is gone', async (t) => {
  const { url } = await database(t);
  await migrate(url);
  const [one, two] = [await startProxy(url), await startProxy(url)];
  t.teardown(() => Promise.all([one.close(), two.close()]));
  const address = new URL(url);
  address.port = '';
  const hosts = [1, one.port, two.port].map((port) => `127.0.0.1:${port}`).join();
  const several = address.href.replace(address.host, hosts);
  const storage = openPostgresStorage({
    url: several,
    minConnections: 0,
    maxConnections: 3,
    statementTimeoutMs: 60_000,
  });
  t.teardown(() => storage.close());
  two.set('down');
  await storage.commit([change('doc', [row({ counter: 1 })])]);
  for (let round = 2; round < 6; round++) {
    const [gone, there] = round % 2 === 0 ? [one, two] : [two, one];
    gone.set('down');
    there.set('open');
    // What ran on a connection that broke fails, and is tried again by the committer.
    await storage.commit([change('doc', [row({ counter: round })])]).catch(() => undefined);
    await storage.commit([change('doc', [row({ counter: round })])]);
    t.equal((await onlyRow(storage, 'doc')).counter, round);
  }
  one.set('down');
  two.set('down');
  // A connection that was open breaks; after that, nothing can be opened.
  await t.rejects(storage.load(['doc']));
  await t.rejects(storage.load(['doc']), /no host of DATABASE_URL can be used: host 1: .*host 3: /);
});

test('a database that is read-only is no place for writes', async (t) => {
  const { url, query } = await database(t);
  await migrate(url);
  await query(`ALTER DATABASE ${new URL(url).pathname.slice(1)} SET default_transaction_read_only = on`);
  const storage = openPostgresStorage({ url, minConnections: 0, maxConnections: 2, statementTimeoutMs: 60_000 });
  t.teardown(() => storage.close());
  await t.rejects(storage.load(['doc']), /read-only/);
  await t.rejects(migrate(url), /read-only/);
});
