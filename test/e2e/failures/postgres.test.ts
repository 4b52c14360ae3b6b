/** The real server with a real Postgres, which fails and recovers. */
import tap, { test, type Test } from 'tap';
import { migrate } from '../../../src/storage/postgres/migrate.js';
import { client, folder, server } from '../../support/nodes/fixture.js';
import { database, ownLocks, ownSessions, type TestDatabase } from '../../support/postgres/postgres.js';
import { startProxy } from '../../support/network/proxy.js';
import { startServer, until, type ServerProcess } from '../../support/nodes/server.js';

// tap's own limit is short for a busy machine.
tap.setTimeout(300_000);

async function ready(to: ServerProcess): Promise<number> {
  return (await fetch(`${to.http}/health/ready`)).status;
}

/** A server whose connection to its database can be broken. */
async function behindProxy(t: Test, env: NodeJS.ProcessEnv = {}) {
  const db = await database(t);
  const proxy = await startProxy(db.url);
  t.teardown(() => proxy.close());
  const to = await server(t, { DATABASE_URL: proxy.through(db.url), SHARDS: '1', ...env });
  return { db, proxy, to };
}

function noCredentials(t: Test, db: TestDatabase, to: ServerProcess): void {
  t.notMatch(JSON.stringify(to.log), new RegExp(new URL(db.url).password), 'the log holds no password');
}

test('ACK1: at the time of the ack others can read the row', async (t) => {
  const db = await database(t);
  const to = await server(t, { DATABASE_URL: db.url });
  const raw = await client(t, to);
  for (let i = 0; i < 50; i++) {
    const field = `f${i}`;
    await raw.acked(raw.set('doc', field, i));
    const rows = await db.query(`SELECT value FROM fields WHERE document_id = 'doc' AND path = $1`, [field]);
    t.same(rows, [{ value: i }], field);
  }
  t.ok(to.log.some(({ msg, ['migrations']: names }) => msg === 'the database was migrated' && Array.isArray(names)));
  await to.kill('SIGKILL');
  const again = await server(t, { DATABASE_URL: db.url });
  const reader = await client(t, again);
  t.equal(Object.keys((await reader.subscribe('doc'))['state'] as object).length, 50);
  t.same(await db.query(`SELECT state->'f7' AS f7 FROM document_state WHERE id = 'doc'`), [{ f7: 7 }]);
  t.match(await again.kill('SIGTERM'), { code: 0 });
  noCredentials(t, db, to);
});

test('ORD1, ORD2: nodes that start together on an empty database and write the same fields end with the same', async (t) => {
  const db = await database(t);
  const nodes = await Promise.all(
    ['a', 'b', 'c'].map((name) => server(t, { DATABASE_URL: db.url, SYNCKIT_NODE_ID: name })),
  );
  const now = Date.now();
  const fields = Array.from({ length: 30 }, (_, i) => `f${i}`);
  await Promise.all(
    nodes.map(async (node, n) => {
      const raw = await client(t, node, { encoding: 'json' });
      // Each has the greatest write of every third field, and writes in another order.
      const order = n === 1 ? [...fields].reverse() : fields;
      const ids = order.map((field) => {
        const i = Number(field.slice(1));
        return raw.send(
          'delta',
          { documentId: 'doc', field, value: n, clientId: `c${n}` },
          now - 1_000 + ((i + n) % 3),
        );
      });
      for (const id of ids) await raw.acked(id);
    }),
  );
  const expected = Object.fromEntries(fields.map((field, i) => [field, (5 - (i % 3)) % 3]));
  t.same(await db.query('SELECT state FROM document_state'), [{ state: expected }]);
  await Promise.all(nodes.map((node) => node.kill('SIGKILL')));
  const again = await server(t, { DATABASE_URL: db.url });
  t.same((await (await client(t, again)).subscribe('doc'))['state'], expected);
});

/** The default of SYNCKIT_AUTH_DB_CONNECTIONS. */
const ACCOUNT_CONNECTIONS = 2;

test('the shards share the connections, and a small pool is enough for everything', async (t) => {
  const db = await database(t);
  const to = await server(t, { DATABASE_URL: db.url, SHARDS: '2', DB_POOL_MIN: '1', DB_POOL_MAX: '5' });
  const most = { connections: 0 };
  const look = async () => {
    const [row] = await db.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM ${ownSessions} AND application_name = 'synckit-server'`,
    );
    most.connections = Math.max(most.connections, row!.count);
  };
  const raw = await client(t, to, { encoding: 'json' });
  const ids: string[] = [];
  for (let i = 0; i < 400; i++) {
    ids.push(raw.set(`doc${i}`, 'f', i));
    if (i % 100 === 0) await look();
  }
  await look();
  for (const id of ids) await raw.acked(id);
  await look();
  t.ok(most.connections > 0);
  // Two of each shard, and those of the accounts.
  t.ok(most.connections <= 4 + ACCOUNT_CONNECTIONS, `${most.connections} connections`);
});

test('what Postgres can not store is refused before anybody sees it', async (t) => {
  const { to } = await behindProxy(t);
  const writer = await client(t, to, { encoding: 'json' });
  const listener = await client(t, to, { encoding: 'json' });
  await listener.subscribe('doc');
  const refused = [
    writer.set('doc', 'na\0me', 1),
    writer.send('delta', { documentId: 'doc', delta: { good: 1, 'bad\0': '' } }),
  ];
  await writer.acked(writer.set('doc', 'backslash', '\\u0000'));
  await until('all refusals', () => writer.received('error').length === refused.length);
  for (const error of writer.received('error')) t.match(JSON.stringify(error), /Postgres cannot store.*INVALID_DELTA/);
  await listener.expect('the good one', (m) => m['field'] === 'backslash');
  t.equal(listener.received('delta').length, 1, 'nothing of the refused messages was shown');
  const reader = await client(t, to, { encoding: 'json' });
  t.same((await reader.subscribe('doc'))['state'], { backslash: '\\u0000' });
});

test('ACK1, ACK5: while the database is unavailable, writes are published and wait for their acks', async (t) => {
  const { db, proxy, to } = await behindProxy(t);
  const writer = await client(t, to);
  const listener = await client(t, to, { encoding: 'json' });
  await writer.acked(writer.set('doc', 'before', 1));
  await writer.acked(writer.set('stored', 'before', 1));
  await listener.subscribe('doc');
  proxy.set('down');
  const during = [1, 2, 3].map((n) => writer.set('doc', `during${n}`, n));
  await listener.expect('the update', (m) => m['field'] === 'during3');
  await until('the node to say that it is not ready', async () => (await ready(to)) === 503);
  t.equal(writer.received('ack').length, 2, 'nothing is acknowledged that is not in the database');
  const failed = await client(t, to, { encoding: 'json' });
  failed.send('subscribe', { documentId: 'unknown' });
  const error = await failed.expect('a refusal', (m) => m.type === 'error');
  t.match(JSON.stringify(error), /STORAGE_UNAVAILABLE/, 'a load that fails is no empty document');

  proxy.set('open');
  for (const id of during) await writer.acked(id);
  await until('the node to be ready', async () => (await ready(to)) === 200);
  const acks = writer.received('ack').map((m) => m['messageId']);
  t.same(acks.slice(-3), during, 'acknowledged in order');
  const rows = await db.query("SELECT path FROM fields WHERE document_id = 'doc' ORDER BY path");
  t.equal(rows.length, 4);
  noCredentials(t, db, to);
});

test('ECHO1, FAN3: an only subscriber is sent its ack and nothing else, when the write is durable', async (t) => {
  const db = await database(t);
  const to = await server(t, { DATABASE_URL: db.url, SHARDS: '1' });
  const raw = await client(t, to);
  await raw.acked(raw.set('doc', 'before', 1));
  for (const leaves of [false, true]) {
    const field = leaves ? 'left' : 'stayed';
    const lock = db.query('BEGIN; LOCK fields; SELECT pg_sleep(1); COMMIT');
    await until('the lock', async () => {
      const locks = await db.query(`SELECT FROM ${ownLocks} AND mode = 'AccessExclusiveLock' AND granted`);
      return locks.length > 0;
    });
    const id = raw.set('doc', field, 1);
    await until(
      'the commit to wait',
      async () => (await db.query(`SELECT FROM ${ownLocks} AND NOT granted`)).length > 0,
    );
    if (leaves) raw.send('unsubscribe', { documentId: 'doc' });
    await raw.roundTrip();
    const ofField = (): string[] =>
      raw.messages.filter((m) => m['field'] === field || m['messageId'] === id).map(({ type }) => type);
    t.strictSame(ofField(), [], 'nothing before it is durable');
    await raw.acked(id);
    t.strictSame(ofField(), ['ack']);
    await lock;
  }
});

test('ACK5: the queue is bounded, and writes beyond it are refused', async (t) => {
  const { proxy, to } = await behindProxy(t, { SYNCKIT_MAX_PENDING_BYTES: '64KiB' });
  const writer = await client(t, to);
  const listener = await client(t, to, { encoding: 'json' });
  await writer.acked(writer.set('doc', 'before', 1));
  await listener.subscribe('doc');
  proxy.set('down');
  const value = 'x'.repeat(10_000);
  const answers = () => listener.received('delta').length + writer.received('error').length;
  // One after the other, because the limit is checked once per flush of a document.
  for (let i = 0; i < 20; i++) {
    writer.set('doc', `f${i}`, value);
    await until('the update or a refusal', () => answers() > i);
  }
  const refused = writer.received('error');
  t.ok(refused.length > 0);
  for (const error of refused) t.match(JSON.stringify(error), /STORAGE_UNAVAILABLE/);
  proxy.set('open');
  await until('all acks', () => writer.received('ack').length === 21 - refused.length);
});

test('a server without its database waits, is not ready, and starts when it is available', async (t) => {
  const db = await database(t);
  const proxy = await startProxy(db.url);
  t.teardown(() => proxy.close());
  proxy.set('down');
  const env = { DATABASE_URL: proxy.through(db.url), SYNCKIT_DATA_DIR: await folder(t) };
  await t.rejects(startServer({ ...env, DB_CONNECT_TIMEOUT: '300' }), /ended with 1[^]*DB_CONNECT_TIMEOUT is over/);
  const starting = startServer({ ...env, DB_CONNECT_TIMEOUT: '60000' });
  // More than one try, so it has said that it waits.
  const refused = proxy.refused;
  await until('it to try again and again', () => proxy.refused >= refused + 3);
  proxy.set('open');
  const to = await starting;
  t.teardown(() => to.kill('SIGKILL'));
  t.ok(to.log.some(({ msg }) => msg === 'waiting for the database'));
  t.equal(await ready(to), 200);
});

test('a node refuses a schema that is newer than itself, or that it may not migrate', async (t) => {
  const db = await database(t);
  const env = { DATABASE_URL: db.url, SYNCKIT_DATA_DIR: await folder(t) };
  await t.rejects(startServer({ ...env, DB_AUTO_MIGRATE: 'false' }), /lacks 001_.*synckit-server migrate/);
  await migrate(db.url);
  await db.query(`INSERT INTO schema_migrations (version, name, checksum) VALUES (999, '999_later', '')`);
  await t.rejects(startServer(env), /ended with 1[^]*newer version of the server \(999_later\)/);
});
