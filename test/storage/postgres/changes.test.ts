import pg from 'pg';
import tap, { type Test } from 'tap';
import { openPostgresChanges } from '../../../src/storage/postgres/changes/feed.js';
import { setRecording } from '../../../src/storage/postgres/changes/recording.js';
import { migrate } from '../../../src/storage/postgres/migrate.js';
import { openPostgresStorage } from '../../../src/storage/postgres/storage.js';
import { changesContract, told, type OpenedChanges } from '../../contract/changes.js';
import { change, row } from '../../contract/storage-rows.js';
import { database, newDatabase, useOwnServer, type TestDatabase } from '../../support/postgres/postgres.js';

useOwnServer();

const options = { minConnections: 1, maxConnections: 3, statementTimeoutMs: 60_000 };

async function openChanges(made: TestDatabase): Promise<OpenedChanges> {
  const { url } = made;
  await migrate(url);
  let close: () => Promise<void>;
  const open = async (isRecorded: boolean): Promise<OpenedChanges> => {
    // Nobody has wanted it for long.
    await made.query("UPDATE change_feed SET wanted_until = '-infinity'");
    await setRecording(url, isRecorded);
    const storage = openPostgresStorage({ url, ...options });
    const feed = openPostgresChanges({ url, ...options });
    close = async () => {
      await storage.close();
      await feed.close();
    };
    return {
      storage,
      feed,
      reopen: async (isRecorded) => {
        await close();
        return open(isRecorded);
      },
      cleanup: async () => {
        await close();
        await made.drop();
      },
    };
  };
  return open(true);
}

changesContract('postgres', async () => openChanges(await newDatabase()));

void tap.test('an entry waits for transactions that began before it', async (t) => {
  const made = await database(t);
  const { storage, feed } = await openChanges(made);
  t.teardown(() => Promise.all([storage.close(), feed.close()]));
  await storage.commit([change('slow', [row()]), change('quick', [row()])]);
  const { cursor } = (await feed.read({ after: undefined, limit: 10 }))!;
  const slow = await transaction(t, made, "UPDATE documents SET commits = commits + 1 WHERE id = 'slow'");
  await storage.commit([change('quick', [row({ path: 'more' })])]);
  t.strictSame(await told(feed, cursor), [], 'slow may come before it');
  const end = await feed.end();
  const quick = await transaction(t, made, "UPDATE documents SET commits = commits + 1 WHERE id = 'quick'");
  await slow.query('COMMIT');
  t.strictSame(await told(feed, cursor), ['slow changed 2', 'quick changed 2']);
  t.strictSame(await told(feed, end), ['slow changed 2', 'quick changed 2'], 'also behind an end from before');
  await quick.query('COMMIT');
  t.strictSame(await told(feed, cursor), ['slow changed 2', 'quick changed 3']);
});

void tap.test('two nodes commit at once, and a reader misses nothing', async (t) => {
  const made = await database(t);
  const { storage, feed } = await openChanges(made);
  const other = openPostgresStorage({ url: made.url, ...options });
  t.teardown(() => Promise.all([storage.close(), feed.close(), other.close()]));
  const last = new Map<string, number>();
  const state = { isWriting: true };
  const write = async (node: typeof storage, seed: number): Promise<void> => {
    for (let i = 0; i < 60; i++) {
      const ids = [i, i + seed * 3, i + 5].map((n) => `d${n % 12}`);
      const { numbers } = await node.commit([...new Set(ids)].map((id) => change(id, [row({ path: `${seed}-${i}` })])));
      for (const [id, number] of numbers) last.set(id, Math.max(number, last.get(id) ?? 0));
    }
  };
  const writing = Promise.all([write(storage, 1), write(other, 2)]).then(() => (state.isWriting = false));
  const seen = new Map<string, number>();
  let after: string | undefined;
  for (let isLast = false; !isLast;) {
    isLast = !state.isWriting;
    const page = (await feed.read({ after, limit: 4 }))!;
    for (const { documentId, commit } of page.entries) {
      if (commit <= (seen.get(documentId) ?? 0)) t.fail(`${documentId} goes back`);
      seen.set(documentId, commit);
    }
    after = page.cursor;
    if (page.entries.length > 0) isLast = false;
  }
  await writing;
  t.strictSame([...seen].sort(), [...last].sort());
});

void tap.test('a database that was copied from another server begins its feed anew', async (t) => {
  const made = await database(t);
  const opened = await openChanges(made);
  await opened.storage.commit([change('a', [row()])]);
  const cursor = await opened.feed.end();
  await made.query('UPDATE changes SET xid = xid + 1000000');
  const again = (await opened.reopen(true))!;
  t.teardown(() => Promise.all([again.storage.close(), again.feed.close()]));
  t.equal(await again.feed.read({ after: cursor, limit: 1 }), undefined);
  await again.storage.commit([change('b', [row()])]);
  t.strictSame(await told(again.feed), ['b changed 1']);
});

void tap.test('the feed stays on as long as a node wants it', async (t) => {
  const made = await database(t);
  await migrate(made.url);
  t.equal(await setRecording(made.url, false), false);
  t.equal(await setRecording(made.url, true), true);
  t.equal(await setRecording(made.url, false), true, 'another node wants it');
  await made.query("UPDATE change_feed SET wanted_until = now() - interval '1 second'");
  t.equal(await setRecording(made.url, false), false);
});

/** A transaction that is not committed yet. */
async function transaction(t: Test, { url }: TestDatabase, statement: string): Promise<pg.Client> {
  const client = new pg.Client(url);
  await client.connect();
  t.teardown(() => client.end());
  await client.query('BEGIN');
  await client.query(statement);
  return client;
}
