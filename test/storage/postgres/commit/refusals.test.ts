/** What the database refuses for reasons of its own: it concerns the rows it is about, and no others. */
import tap, { test, type Test } from 'tap';
import { migrate } from '../../../../src/storage/postgres/migrate.js';
import { openPostgresStorage } from '../../../../src/storage/postgres/storage.js';
import type { Storage } from '../../../../src/storage/port.js';
import { change, row, rowsOf } from '../../../contract/storage-rows.js';
import { update } from '../../../contract/storage-text.js';
import { database, type TestDatabase } from '../../../support/postgres/postgres.js';
import { writerOf } from '../../../support/postgres/refusing-database.js';

// tap's own limit is short for a busy machine.
tap.setTimeout(300_000);

function open(t: Test, url: string): Storage {
  const storage = openPostgresStorage({ url, minConnections: 0, maxConnections: 2, statementTimeoutMs: 60_000 });
  t.teardown(() => storage.close());
  return storage;
}

async function migrated(t: Test): Promise<TestDatabase> {
  const made = await database(t);
  await migrate(made.url);
  return made;
}

/** A commit of fields in two documents, one of them called bad. @returns What was refused, and the fields stored. */
async function commitWithBad(storage: Storage): Promise<{ refused: string[]; reasons: string[]; stored: string[] }> {
  const names = Array.from({ length: 9 }, (_, i) => `f${i}`);
  const { refused, numbers } = await storage.commit([
    change(
      'a',
      [...names, 'bad'].map((path) => row({ path, value: '"payload"' })),
    ),
    change('b', [row({ path: 'f' })]),
  ]);
  if (numbers.get('b') !== 1) throw new Error('the commit has no number');
  const rows = [...(await rowsOf(storage, 'a')), ...(await rowsOf(storage, 'b'))];
  const stored = rows.filter(({ deleted }) => !deleted);
  return {
    refused: refused.map(({ documentId, path }) => `${documentId}.${path ?? ''}`),
    reasons: refused.map(({ reason }) => reason),
    stored: stored.map(({ path }) => path).sort(),
  };
}

const allOthers = ['f', 'f0', 'f1', 'f2', 'f3', 'f4', 'f5', 'f6', 'f7', 'f8'];
const trigger = (body: string): string => `
  CREATE FUNCTION judge() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.path = 'bad' THEN ${body} END IF;
    RETURN NEW;
  END $$;
  CREATE TRIGGER judge BEFORE INSERT OR UPDATE ON fields FOR EACH ROW EXECUTE FUNCTION judge()`;

for (const [what, sql, code] of [
  ['a trigger raises an error', trigger(`RAISE EXCEPTION 'no payload' ;`), 'P0001'],
  ['a trigger raises a code of its own', trigger(`RAISE EXCEPTION 'no payload' USING ERRCODE = 'ZZ123';`), 'ZZ123'],
  ['a trigger uses a table that is not there', trigger('INSERT INTO audit VALUES (NEW.path);'), '42P01'],
  ['a trigger may not do what it does', trigger(`RAISE insufficient_privilege;`), '42501'],
  ['an assertion fails in a trigger', trigger(`ASSERT false, 'payload';`), 'P0004'],
  ['a constraint is violated', `ALTER TABLE fields ADD CONSTRAINT no CHECK (path <> 'bad')`, '23514'],
  [
    'a key of a table is missing',
    `CREATE TABLE names (name text COLLATE "C" PRIMARY KEY);
    INSERT INTO names SELECT 'f' || i FROM generate_series(0, 8) i; INSERT INTO names VALUES ('f');
    ALTER TABLE fields ADD FOREIGN KEY (path) REFERENCES names DEFERRABLE INITIALLY DEFERRED`,
    '23503',
  ],
] as const) {
  test(`REF1 ${what} (${code}): that row is refused, and no other`, async (t) => {
    const db = await migrated(t);
    await db.query(sql);
    const { refused, reasons, stored } = await commitWithBad(open(t, db.url));
    t.strictSame(refused, ['a.bad']);
    t.match(reasons[0], new RegExp(code));
    t.notMatch(reasons[0], /payload/);
    t.strictSame(stored, allOthers);
  });
}

test('REF1 a constraint trigger that is checked at the end of the transaction (P0001)', async (t) => {
  const db = await migrated(t);
  await db.query(`
    CREATE FUNCTION judge() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF NEW.path = 'bad' THEN RAISE EXCEPTION 'no'; END IF;
      RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER judge AFTER INSERT OR UPDATE ON fields DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION judge()`);
  const { refused, stored } = await commitWithBad(open(t, db.url));
  t.strictSame(refused, ['a.bad']);
  t.strictSame(stored, allOthers);
});

test('REF1 row security (42501) forbids a row to the user of the server', async (t) => {
  const db = await migrated(t);
  const writer = await writerOf(t, db);
  await db.query(`ALTER TABLE fields ENABLE ROW LEVEL SECURITY;
    CREATE POLICY judge ON fields USING (true) WITH CHECK (path <> 'bad')`);
  const { refused, stored } = await commitWithBad(open(t, writer));
  t.strictSame(refused, ['a.bad']);
  t.strictSame(stored, allOthers);
});

test('REF1 a document that is refused is refused with all its rows, and without the others', async (t) => {
  const db = await migrated(t);
  await db.query(`ALTER TABLE documents ADD CONSTRAINT no CHECK (id <> 'bad')`);
  const storage = open(t, db.url);
  const { refused, numbers } = await storage.commit([
    change('a', [row({ path: 'f' })]),
    { ...change('bad', [row({ path: 'f' }), row({ path: 'g' })]), text: { append: [update(1)], replaces: [] } },
    change('c', [row({ path: 'f' })]),
  ]);
  t.strictSame(
    refused.map(({ documentId, path }) => [documentId, path]),
    [
      ['bad', 'f'],
      ['bad', 'g'],
      ['bad', undefined],
    ],
  );
  t.strictSame(
    [...numbers],
    [
      ['a', 1],
      ['c', 1],
    ],
  );
  t.equal((await rowsOf(storage, 'c')).length, 1);
});

test('REF1 a text that is refused leaves the fields of its document alone', async (t) => {
  const db = await migrated(t);
  await db.query(`ALTER TABLE text_updates ADD CONSTRAINT no CHECK (document_id <> 'a')`);
  const storage = open(t, db.url);
  const { refused } = await storage.commit([
    { ...change('a', [row({ path: 'f' })]), text: { append: [update(1)], replaces: [] } },
    { ...change('b', []), text: { append: [update(2)], replaces: [] } },
  ]);
  t.strictSame(
    refused.map(({ documentId, path }) => [documentId, path]),
    [['a', undefined]],
  );
  t.equal((await rowsOf(storage, 'a')).length, 1);
  t.equal((await storage.load(['b']))[0]!.text.length, 1);
});

for (const [what, sql, undo, code] of [
  ['rights', 'REVOKE INSERT ON fields FROM', 'GRANT INSERT ON fields TO', '42501'],
  ['tables', 'ALTER TABLE fields RENAME TO elsewhere; --', 'ALTER TABLE elsewhere RENAME TO fields; --', '42P01'],
  ['columns', 'ALTER TABLE fields RENAME raw TO rare; --', 'ALTER TABLE fields RENAME rare TO raw; --', '42703'],
] as const) {
  test(`REF2 missing ${what} (${code}) are no fault of a row: the commit can be done again`, async (t) => {
    const db = await migrated(t);
    const url = await writerOf(t, db);
    const writer = `"${new URL(url).username}"`;
    const storage = open(t, url);
    await db.query(`${sql} ${writer}`);
    await t.rejects(storage.commit([change('a', [row({ path: 'f' })])]), new RegExp(code));
    await db.query(`${undo} ${writer}`);
    t.strictSame((await storage.commit([change('a', [row({ path: 'f' })])])).refused, []);
    t.equal((await rowsOf(storage, 'a')).length, 1);
  });
}

test('REF3 what is stored instead bears the number of the refusing commit; of what never was, a removal does', async (t) => {
  const db = await migrated(t);
  await db.query(`ALTER TABLE fields ADD CONSTRAINT no CHECK (value <> '666')`);
  const storage = open(t, db.url);
  await storage.commit([change('a', [row({ path: 'f', value: '1' }), row({ path: 'g', value: '1' })])]);
  await storage.commit([
    change('a', [
      row({ path: 'f', value: '666', timestamp: 9_000 }),
      row({ path: 'new', value: '666' }),
      row({ path: 'h', value: '2' }),
    ]),
  ]);
  const fields = async () => (await storage.load(['a']))[0]!.fields;
  t.strictSame((await fields()).map(({ path, value, deleted, commit }) => [path, value, deleted, commit]).sort(), [
    ['f', '1', false, 2],
    ['g', '1', false, 1],
    ['h', '2', false, 2],
    ['new', '{"__deleted":true}', true, 2],
  ]);
  await storage.commit([change('a', [row({ path: 'new', value: '3', timestamp: 0, counter: 1, clientId: '' })])]);
  t.match(
    (await fields()).find(({ path }) => path === 'new'),
    { value: '3', commit: 3 },
    'which is less than any write',
  );
});

test('REF1 rules that are against that as well change nothing', async (t) => {
  const db = await migrated(t);
  await db.query(`ALTER TABLE fields ADD CONSTRAINT no CHECK (path <> 'bad')`);
  const storage = open(t, db.url);
  const { refused } = await storage.commit([change('a', [row({ path: 'bad' }), row({ path: 'good' })])]);
  t.strictSame(
    refused.map(({ path }) => path),
    ['bad'],
  );
  t.strictSame(
    (await rowsOf(storage, 'a')).map(({ path }) => path),
    ['good'],
  );
});
