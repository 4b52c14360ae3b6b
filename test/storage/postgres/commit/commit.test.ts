/** How a commit that the database refuses in part is written: by halves, in one transaction. */
import tap, { test, type Test } from 'tap';
import { commit } from '../../../../src/storage/postgres/commit/commit.js';
import type { Statement } from '../../../../src/storage/postgres/connection/client.js';
import { Connections, type Lender } from '../../../../src/storage/postgres/connection/connection.js';
import { migrate } from '../../../../src/storage/postgres/migrate.js';
import { planOf } from '../../../../src/storage/postgres/commit/plan.js';
import type { TextChange } from '../../../../src/storage/port.js';
import { newUpdateId } from '../../../../src/storage/update-id.js';
import { change, row } from '../../../contract/storage-rows.js';
import { database, type TestDatabase } from '../../../support/postgres/postgres.js';

// tap's own limit is short for a busy machine.
tap.setTimeout(300_000);

const ROWS = 100;

interface Opened {
  readonly db: TestDatabase;
  readonly lender: Lender;
  /** What was sent, in order: `BEGIN`, `SAVEPOINT attempt`, or the name of a prepared statement. */
  readonly sent: string[];
  /** Called before each statement; one that throws breaks the connection off. */
  before: (statement: string) => void;
}

/** A database that takes neither the value `"no"` nor the text of the document `refused`. */
async function opened(t: Test): Promise<Opened> {
  const db = await database(t);
  await migrate(db.url);
  await db.query(`ALTER TABLE fields ADD CONSTRAINT no_field CHECK (value <> '"no"')`);
  await db.query(`ALTER TABLE text_updates ADD CONSTRAINT no_text CHECK (document_id <> 'refused')`);
  const connections = new Connections({
    url: db.url,
    minConnections: 0,
    maxConnections: 2,
    statementTimeoutMs: 60_000,
  });
  t.teardown(() => connections.close());
  const nameOf = (statement: Statement | string): string =>
    typeof statement === 'string' ? statement : statement.name;
  const all: Opened = {
    db,
    sent: [],
    before: () => undefined,
    lender: {
      use: (action) =>
        connections.use((connection) =>
          action({
            query: (statement) => {
              all.sent.push(nameOf(statement));
              all.before(nameOf(statement));
              return connection.query(statement);
            },
          }),
        ),
    },
  };
  return all;
}

function rows(...bad: number[]): ReturnType<typeof row>[] {
  return Array.from({ length: ROWS }, (_, i) => row({ path: `f${i}`, value: bad.includes(i) ? '"no"' : String(i) }));
}

function countOf(sent: readonly string[], statement: string): number {
  return sent.filter((name) => name === statement).length;
}

function text(): TextChange {
  return { append: [{ id: newUpdateId(Date.now()), bytes: Buffer.from('update') }], replaces: [] };
}

for (const bad of [[0], [ROWS - 1], [49], [50], [3, 4, 77]]) {
  test(`contract 6: of ${ROWS} rows only ${bad.join(', ')} is left out, found by halves`, async (t) => {
    const { db, lender, sent } = await opened(t);
    const { refused } = await commit(lender, planOf([change('doc', rows(...bad), 9)]));
    t.strictSame(refused.map(({ path }) => path).sort(), bad.map((i) => `f${i}`).sort());
    const written = await db.query<{ path: string }>('SELECT path FROM fields WHERE NOT deleted');
    t.equal(written.length, ROWS - bad.length);
    t.notOk(written.some(({ path }) => bad.map((i) => `f${i}`).includes(path)));
    const attempts = countOf(sent, 'SAVEPOINT attempt');
    // The documents, all rows, two halves at each of the levels above a row, and what is left of the refused ones.
    t.ok(attempts <= 3 + bad.length * 2 * Math.ceil(Math.log2(ROWS)), `${attempts} attempts`);
    t.strictSame([countOf(sent, 'BEGIN'), countOf(sent, 'COMMIT')], [1, 1], 'in one transaction');
    const [{ stamp } = { stamp: undefined }] = await db.query<{ stamp: string }>('SELECT stamp FROM documents');
    t.equal(Number(stamp), 9);
  });
}

test('contract 6: a text that is refused takes no field and no other text with it', async (t) => {
  const { db, lender } = await opened(t);
  const { refused } = await commit(
    lender,
    planOf([
      { ...change('refused', [row({ path: 'good' }), row({ path: 'bad', value: '"no"' })]), text: text() },
      { ...change('taken', [row({ path: 'good' })]), text: text() },
    ]),
  );
  t.strictSame(
    refused.map(({ documentId, path }) => [documentId, path]),
    [
      ['refused', 'bad'],
      ['refused', undefined],
    ],
  );
  t.strictSame(
    (await db.query('SELECT document_id, path FROM fields WHERE NOT deleted ORDER BY 1')).map((found) =>
      Object.values<unknown>(found),
    ),
    [
      ['refused', 'good'],
      ['taken', 'good'],
    ],
  );
  t.strictSame(
    (await db.query('SELECT document_id FROM text_updates')).map((found) => Object.values<unknown>(found)),
    [['taken']],
  );
});

test('ACK5 a connection that breaks between the halves leaves nothing of the commit', async (t) => {
  const all = await opened(t);
  let attempts = 0;
  all.before = (statement) => {
    if (statement === 'SAVEPOINT attempt' && ++attempts === 5) throw new Error('broken off');
  };
  const plan = planOf([change('doc', rows(77))]);
  await t.rejects(commit(all.lender, plan), /broken off/);
  t.strictSame(await all.db.query('SELECT FROM fields'), []);
  t.strictSame(await all.db.query('SELECT FROM documents'), []);
  all.before = () => undefined;
  t.equal((await commit(all.lender, plan)).refused.length, 1);
  t.equal((await all.db.query('SELECT FROM fields WHERE NOT deleted')).length, ROWS - 1);
});
