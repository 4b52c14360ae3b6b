import tap, { test, type Test } from 'tap';
import { Connections, type Connection, type Loan } from '../../../../src/storage/postgres/connection/connection.js';
import { Lane } from '../../../../src/storage/postgres/connection/lane.js';
import { database, ownSessions, type TestDatabase } from '../../../support/postgres/postgres.js';
import { until } from '../../../support/nodes/server.js';

// tap's own limit is short for a busy machine.
tap.setTimeout(300_000);

interface Opened {
  readonly db: TestDatabase;
  readonly connections: Connections;
  readonly lane: Lane;
}

async function opened(t: Test, maxConnections: number): Promise<Opened> {
  const db = await database(t);
  const connections = new Connections({ url: db.url, minConnections: 0, maxConnections, statementTimeoutMs: 60_000 });
  const lane = new Lane(connections);
  t.teardown(async () => {
    lane.close();
    await connections.close();
  });
  return { db, connections, lane };
}

/** The process of the database that serves a connection. */
async function processOf(connection: Connection): Promise<unknown> {
  return (await connection.query('SELECT pg_backend_pid()'))[0]?.[0];
}

test('actions that follow each other have one connection, and begin at once', async (t) => {
  const { lane } = await opened(t, 3);
  const first = await lane.use(processOf);
  for (let i = 0; i < 3; i++) {
    let isBegun = false;
    const next = lane.use((connection) => {
      isBegun = true;
      return processOf(connection);
    });
    t.ok(isBegun, 'before it returned');
    t.equal(await next, first);
  }
});

test('actions at the same time have connections of their own, of which one is kept', async (t) => {
  const { db, lane } = await opened(t, 3);
  const pids = await Promise.all([lane.use(processOf), lane.use(processOf)]);
  t.not(pids[0], pids[1]);
  t.ok(pids.includes(await lane.use(processOf)));
  // Backends of the tests before may still be ending.
  const own = `SELECT FROM ${ownSessions} AND application_name = 'synckit-server'`;
  t.equal((await db.query(own)).length, 2);
});

test('what is not used goes back to the others', async (t) => {
  const { connections, lane } = await opened(t, 1);
  const pid = await lane.use(processOf);
  let isLent = false;
  const other = connections.use((connection) => {
    isLent = true;
    return processOf(connection);
  });
  await lane.use(processOf);
  t.notOk(isLent, 'it is kept for a while');
  t.equal(await other, pid);
});

test('after a failed action there is another connection', async (t) => {
  const { lane } = await opened(t, 2);
  const pid = await lane.use(processOf);
  await t.rejects(
    lane.use((connection) => connection.query('SELECT 1 / 0')),
    { code: '22012' },
  );
  t.not(await lane.use(processOf), pid);
});

test('a connection that broke while it was kept is not used', async (t) => {
  const { db, connections } = await opened(t, 2);
  const loans: Loan[] = [];
  const lane = new Lane({
    borrow: async () => {
      const loan = await connections.borrow();
      loans.push(loan);
      return loan;
    },
  });
  t.teardown(() => lane.close());
  const pid = await lane.use(processOf);
  await db.query(`SELECT pg_terminate_backend(${String(pid)})`);
  await until('this side to hear of it', () => loans[0]!.isStale);
  t.not(await lane.use(processOf), pid);
});

test('a failure elsewhere that speaks of the whole server ends what is kept', async (t) => {
  const { connections, lane } = await opened(t, 3);
  const pid = await lane.use(processOf);
  await t.rejects(
    connections.use(async (connection) => {
      await connection.query('SELECT pg_terminate_backend(pg_backend_pid())');
    }),
  );
  t.not(await lane.use(processOf), pid);
});
