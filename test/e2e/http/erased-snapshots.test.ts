/** DEL2: a snapshot that is being made while its document is erased does not stay. */
import { test, type Test } from 'tap';
import { Backend } from '../../support/nodes/backend.js';
import { secret, server, token } from '../../support/nodes/fixture.js';
import { database, ownSessions } from '../../support/postgres/postgres.js';
import { until } from '../../support/nodes/server.js';
import pg from 'pg';

/** Somebody who may write, but not read. */
const writer = token('ann', { write: ['*'] });

/** A server, and a lock that requests about snapshots wait for. */
async function lockable(t: Test): Promise<{ readonly backends: readonly Backend[]; readonly lock: Lock }> {
  const { url, query } = await database(t);
  const to = await server(t, { JWT_SECRET: secret, DATABASE_URL: url });
  const client = new pg.Client(url);
  await client.connect();
  t.teardown(() => client.end());
  const waiting = async (): Promise<boolean> => {
    const text = `SELECT count(*)::int AS waiting FROM ${ownSessions} AND wait_event_type = 'Lock'`;
    return (await query<{ waiting: number }>(text))[0]!.waiting > 0;
  };
  return { backends: [new Backend(to), new Backend(to, writer)], lock: { client, waiting } };
}

interface Lock {
  readonly client: pg.Client;
  /** Whether somebody waits for it. */
  readonly waiting: () => Promise<boolean>;
}

test('DEL2 a snapshot that is stored after the erasure is removed again', async (t) => {
  const { backends, lock } = await lockable(t);
  const [backend, author] = backends as [Backend, Backend];
  await backend.status('PATCH', '/documents/d', { a: 'a secret' });
  t.equal(await author.status('POST', '/snapshots/d'), '200', 'who may not read makes one');
  await lock.client.query(`SELECT pg_advisory_lock(hashtext('synckit snapshots'))`);
  const made = author.status('POST', '/snapshots/d');
  await until('it to wait', lock.waiting);
  t.equal(await backend.status('DELETE', '/documents/d?hard=true'), '204');
  await lock.client.query('SELECT pg_advisory_unlock_all()');
  t.equal(await made, '404 DOCUMENT_NOT_FOUND');
  t.strictSame((await lock.client.query('SELECT id FROM snapshots')).rows, []);
});
