/** What only the Postgres storage has: SQL that others read, nodes that write the same rows, and rows it can't take. */
import tap, { test, type Test } from 'tap';
import { variables } from '../../../src/config/variables/table.js';
import { fitsJsonb } from '../../../src/storage/postgres/jsonb.js';
import { migrate } from '../../../src/storage/postgres/migrate.js';
import { openPostgresStorage } from '../../../src/storage/postgres/storage.js';
import type { FieldRow, Storage } from '../../../src/storage/port.js';
import { newSeed, randomFrom } from '../../contract/random.js';
import {
  change,
  commitsOf,
  contentOf,
  expectedRows,
  randomWrites,
  row,
  rowsOf,
  sorted,
} from '../../contract/storage-rows.js';
import { update, updatesOf } from '../../contract/storage-text.js';
import { database, type TestDatabase } from '../../support/postgres/postgres.js';

// tap's own limit is short for a busy machine.
tap.setTimeout(300_000);

function open(t: Test, { url }: TestDatabase, maxConnections = 2): Storage {
  const storage = openPostgresStorage({ url, minConnections: 0, maxConnections, statementTimeoutMs: 60_000 });
  t.teardown(() => storage.close());
  return storage;
}

async function migrated(t: Test): Promise<TestDatabase> {
  const made = await database(t);
  await migrate(made.url);
  return made;
}

test('document_state shows each document as one JSON object', async (t) => {
  const db = await migrated(t);
  const storage = open(t, db);
  await storage.commit([
    change('todo', [
      row({ path: 'title', value: '"Milk"' }),
      row({ path: 'tags', value: '["a",{"b":null}]' }),
      row({ path: 'gone', value: '{"__deleted":true}', deleted: true }),
    ]),
    { ...change('text', []), text: { append: [update(1)], replaces: [] } },
  ]);
  t.same(await db.query('SELECT id, state FROM document_state ORDER BY id'), [
    { id: 'text', state: {} },
    { id: 'todo', state: { title: 'Milk', tags: ['a', { b: null }] } },
  ]);
  const found = await db.query(`SELECT id FROM document_state WHERE state @> '{"title": "Milk"}'`);
  t.same(found, [{ id: 'todo' }]);
});

test('the text of a value is kept beside it only where jsonb would write it in another way', async (t) => {
  const db = await migrated(t);
  const storage = open(t, db);
  const same = ['null', 'true', '1', '0.5', '"text"', '[]', '{}', '"ü\u{1f600}"'];
  const other = ['1e2', '{"b":1,"a":2}', '[1,2]', '"\\u00e9"', '-0', '1.0e0', '{"a":1,"a":2}'];
  await storage.commit([
    change(
      'doc',
      [...same, ...other].map((value) => row({ path: value, value })),
    ),
  ]);
  const rows = await db.query<{ path: string; raw: string | null }>('SELECT path, raw FROM fields');
  t.same(
    rows
      .filter(({ raw }) => raw === null)
      .map(({ path }) => path)
      .sort(),
    [...same].sort(),
  );
  t.ok(rows.every(({ path, raw }) => raw === null || raw === path));
});

test('two nodes that write the same fields in opposite order end with the same rows', async (t) => {
  const seed = newSeed();
  t.comment(`SEED=${seed}`);
  const random = randomFrom(seed);
  const db = await migrated(t);
  const nodes = [open(t, db), open(t, db)] as const;
  const writes = randomWrites(random, 600);
  const there = commitsOf(random, writes);
  const back = commitsOf(random, [...writes].reverse());
  await Promise.all([
    Promise.all(there.map((commit) => nodes[0].commit(commit))),
    Promise.all(back.map((commit) => nodes[1].commit(commit))),
  ]);
  for (const [documentId, rows] of expectedRows(writes)) {
    for (const node of nodes) t.strictSame(await rowsOf(node, documentId), rows, documentId);
  }
});

test('20 writers of overlapping batches: no write is lost, and nobody hears of a deadlock', async (t) => {
  const seed = newSeed();
  t.comment(`SEED=${seed}`);
  const random = randomFrom(seed);
  const db = await migrated(t);
  const written = new Map<string, FieldRow>();
  const commits = Array.from({ length: 20 }, (_, writer) =>
    Array.from({ length: 15 }, (_, i) => {
      const documents = random.shuffle(Array.from({ length: 12 }, (_, n) => `doc${n}`)).slice(0, 6);
      return documents.map((documentId) => {
        const paths = random.shuffle(Array.from({ length: 10 }, (_, n) => `path${n}`)).slice(0, 5);
        const rows = paths.map((path) =>
          row({ path, counter: i, clientId: `w${writer}`, value: `${random.below(99)}` }),
        );
        for (const own of rows) {
          const key = `${documentId} ${own.path}`;
          const other = written.get(key);
          const greater =
            other === undefined ||
            own.counter > other.counter ||
            (own.counter === other.counter && own.clientId > other.clientId);
          if (greater) written.set(key, own);
        }
        const text = {
          append: [update(writer * 1_000 + i)],
          replaces: i > 0 ? [update(writer * 1_000 + i - 1).id] : [],
        };
        return { ...change(documentId, rows, i), text };
      });
    }),
  );
  const writers = commits.map((own) => ({ own, storage: open(t, db, 1) }));
  const refused = await Promise.all(
    writers.map(async ({ own, storage }) => {
      const all = [];
      for (const commit of own) all.push(...(await storage.commit(commit)).refused);
      return all;
    }),
  );
  t.same(refused.flat(), []);
  const reader = open(t, db);
  const stored = new Map<string, FieldRow>();
  for (let n = 0; n < 12; n++)
    for (const own of await rowsOf(reader, `doc${n}`)) stored.set(`doc${n} ${own.path}`, own);
  t.strictSame(new Map([...stored].sort()), new Map([...written].sort()));
});

test('what only the database refuses is found, and the rest of a commit is written', async (t) => {
  const db = await migrated(t);
  const storage = open(t, db);
  const bad = [3, 4, 17].map((n) => row({ path: `path${n}`, value: `{"bad":${n}}` }));
  await db.query(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'too large' USING ERRCODE = '22003'; END $$`);
  await db.query(
    `CREATE TRIGGER fail BEFORE INSERT ON fields FOR EACH ROW WHEN (NEW.value ? 'bad') EXECUTE FUNCTION fail()`,
  );
  const good = Array.from({ length: 40 }, (_, n) => row({ path: `path${n}` })).filter(
    ({ path }) => !bad.some((other) => other.path === path),
  );
  const text = { append: [update(1)], replaces: [] };
  const { refused } = await storage.commit([
    { ...change('doc', [...good, ...bad], 7), text },
    change('other', [row()]),
  ]);
  t.same(refused.map(({ documentId, path }) => [documentId, path]).sort(), bad.map(({ path }) => ['doc', path]).sort());
  t.ok(refused.every(({ reason }) => /./.test(reason) && !/bad/.test(reason)));
  const rows = await rowsOf(storage, 'doc');
  t.strictSame(
    rows.filter(({ deleted }) => !deleted),
    sorted(good),
  );
  t.strictSame(await updatesOf(storage), [update(1)]);
  t.equal((await storage.load(['doc']))[0]!.stamp, 7);
  t.strictSame(await rowsOf(storage, 'other'), [row()]);
});

test('a commit of several statements is one transaction', async (t) => {
  const db = await migrated(t);
  const storage = open(t, db);
  await db.query(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '53100'; END $$`);
  await db.query(
    `CREATE TRIGGER fail BEFORE INSERT ON fields FOR EACH ROW WHEN (NEW.path = 'zz') EXECUTE FUNCTION fail()`,
  );
  const rows = Array.from({ length: 12_000 }, (_, n) => row({ path: `path${n}` }));
  const commit = [change('doc', [...rows, row({ path: 'zz' })], 3)];
  await t.rejects(storage.commit(commit), /53100/);
  t.strictSame(await contentOf(storage, ['doc']), [{ stamp: 0, fields: [], text: [] }]);
  await db.query('DROP TRIGGER fail ON fields');
  t.same((await storage.commit(commit)).refused, []);
  t.equal((await rowsOf(storage, 'doc')).length, rows.length + 1);
});

test('what can never be stored is known without asking the database', async (t) => {
  const storage = open(t, await migrated(t));
  const reason = (about: Partial<FieldRow>) => storage.reasonAgainst?.(row(about));
  t.match(reason({ path: 'a\0' }), /name holds a NUL/);
  t.match(reason({ clientId: '\0' }), /client id holds a NUL/);
  t.equal(reason({ value: '"\\u0000"' }), undefined, 'a value is kept as text');
});

test('VAL1 what jsonb can’t hold is kept as text alone, and null for those who read with SQL', async (t) => {
  const db = await migrated(t);
  const storage = open(t, db);
  const unfit = [
    '"\\u0000"',
    '{"a\\u0000":1}',
    '["\\ud83d"]',
    '1e2000',
    '[1e-99999]',
    '1e999999999999',
    '1'.repeat(200_000),
  ];
  const fit = ['1e400', '-1E-400', '"1e99999"', '["\\\\u0000 1e99999"]', '"\\ud83d\\ude00"', '[1e1,1e+2,1.5e-3]'];
  const rows = [...unfit, ...fit].map((value, i) => row({ path: `path${i}`, value }));
  t.same((await storage.commit([change('doc', rows)])).refused, []);
  t.strictSame(await rowsOf(storage, 'doc'), sorted(rows));
  const nulls = await db.query<{ path: string }>(`SELECT path FROM fields WHERE value = 'null'`);
  t.same(
    nulls.map(({ path }) => path).sort(),
    unfit.map((_, i) => `path${i}`),
  );
  const [state] = await db.query<{ long: number }>(`SELECT length(state::text)::int AS long FROM document_state`);
  t.ok(state!.long < 2_000);
  // The order looks at the exact bytes, where one of them has no place in jsonb too.
  await storage.commit([change('doc', [row({ path: 'path0', value: '"\\u0001"' })])]);
  await storage.commit([change('doc', [row({ path: 'path0', value: '"\\u0000"' })])]);
  t.equal((await rowsOf(storage, 'doc')).find(({ path }) => path === 'path0')?.value, '"\\u0001"');
});

test('VAL1 many vast numbers cost no more than they are long', async (t) => {
  const storage = open(t, await migrated(t));
  const value = `[${'1e131071,'.repeat(50_000)}0]`;
  t.same((await storage.commit([change('doc', [row({ value })])])).refused, []);
  t.equal((await rowsOf(storage, 'doc'))[0]?.value, value);
});

test('VAL1 jsonb takes what is said to fit it, as deep as a value may be', async (t) => {
  const seed = newSeed();
  t.comment(`SEED=${seed}`);
  const random = randomFrom(seed);
  const db = await migrated(t);
  const pieces = [
    '\\\\',
    '\\u0000',
    '\\u0001',
    '\\ud83d',
    '\\uDE00',
    '\\uD83D',
    'u0000',
    '\\n',
    '\\"',
    'a',
    '\u{1f600}',
    '1e9',
  ];
  const strings = Array.from({ length: 300 }, () =>
    Array.from({ length: 1 + random.below(5) }, () => random.pick(pieces)).join(''),
  );
  const depth = 2_000;
  const { schema } = variables.maxValueDepth.kind;
  t.ok(schema.safeParse(String(depth)).success && !schema.safeParse(String(depth + 1)).success);
  const values = [...strings.map((text) => `"${text}"`), '['.repeat(depth) + ']'.repeat(depth)];
  for (const value of new Set(values)) {
    const taken = await db.query('SELECT $1::jsonb IS NOT NULL', [value]).then(
      () => true,
      () => false,
    );
    t.equal(fitsJsonb(value), taken, value.slice(0, 100));
  }
});
