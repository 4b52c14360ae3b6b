/** `synckit-server import-reference`, from a real Postgres into each storage, and a server that serves what came. */
import { test } from 'tap';
import { openLmdbStorage } from '../../src/storage/lmdb/storage.js';
import type { StoredDocument } from '../../src/storage/port.js';
import { openPostgresStorage } from '../../src/storage/postgres/storage.js';
import { documentsOf } from '../contract/storage-rows.js';
import { client, server } from '../support/nodes/fixture.js';
import { database } from '../support/postgres/postgres.js';
import { addDocument, addState, addText, importInto, reference } from '../support/postgres/reference-database.js';
import { durableStorages, storageEnv } from '../support/parts/storages.js';
import { TextReplica } from '../support/clients/text-replica.js';

/** What the storage of an environment holds. */
async function stored(env: NodeJS.ProcessEnv, ids: readonly string[]): Promise<StoredDocument[]> {
  const { DATABASE_URL: url, SYNCKIT_DATA_DIR: directory = '' } = env;
  const storage =
    url === undefined
      ? openLmdbStorage({ directory })
      : openPostgresStorage({ url, minConnections: 0, maxConnections: 1, statementTimeoutMs: 60_000 });
  try {
    return await documentsOf(storage, ids);
  } finally {
    await storage.close();
  }
}

function withoutCommits(documents: readonly StoredDocument[]): object[] {
  return documents.map(({ stamp, fields, text }) => ({ stamp, fields, text }));
}

function byPath({ fields }: StoredDocument): Record<string, object> {
  return Object.fromEntries(fields.map(({ path, ...row }) => [path, row]));
}

function typed(text: string): TextReplica {
  const replica = new TextReplica('ann');
  replica.insert(0, text);
  return replica;
}

for (const kind of durableStorages) {
  test(`${kind}: fields, removals, texts and snapshots arrive, twice the same, and a server serves them`, async (t) => {
    const db = await reference(t);
    await addDocument(db, 'notes', { title: 'Hi', 'a.b': { z: [1, null], y: 'ü😀' }, gone: { __deleted: true } }, 7);
    await addState(db, 'plain', { kind: 'older', fields: 3 });
    await addDocument(db, 'empty', {});
    await db.query(
      `INSERT INTO vector_clocks (document_id, client_id, clock_value)
      VALUES ('notes', 'ann', 40), ('notes', 'bob', 12), ('text', 'ann', 30)`,
    );
    await db.query(
      `INSERT INTO deltas (document_id, client_id, operation_type, clock_value) VALUES ('notes', 'ann', 'set', 40)`,
    );
    const replica = typed('Hello, world');
    replica.delete(5, 7);
    await addText(db, 'text', 'Hello', replica.state(), 12);
    await addText(db, 'differs', 'other', typed('Both').state(), 50);
    await addText(db, 'unwritten', '', null);
    await db.query(`INSERT INTO snapshots (id, document_id, state, version, created_at) VALUES
      ('s1', 'lost', '{"id": "lost", "fields": {"v": "old"}}', '{"ann": 3}', '2025-01-01'),
      ('s2', 'lost', '{"id": "lost", "fields": {"v": "new"}}', '{"ann": 3, "bob": 9}', '2025-02-01'),
      ('s3', 'notes', '{"title": "long ago"}', '5', '2025-03-01')`);
    const env = await storageEnv(t, kind);

    const first = await importInto(env, db.url);
    t.equal(first.stderr, '');
    t.equal(first.code, 0);
    t.match(first.stdout, 'Read 6 rows of documents.');
    t.match(
      first.stdout,
      'Imported 4 documents with 6 fields, 1 of which are removed, and 2 texts; 1 of them from snapshots. Empty texts: 1.',
    );
    t.match(first.stdout, 'Read back: 6 of 6 are stored as they were read.');
    t.match(first.stdout, 'Not imported: 2 snapshots');
    t.match(first.stdout, 'documents "differs": its content is not that of its crdt');

    const ids = ['notes', 'plain', 'empty', 'text', 'lost', 'unwritten', 'differs'];
    const documents = await stored(env, ids);
    const [notes, plain, empty, text, lost, unwritten, differs] = documents as [StoredDocument, ...StoredDocument[]];
    const common = { deleted: false, timestamp: 0, clientId: 'reference' };
    t.match(byPath(notes), {
      title: { ...common, value: '"Hi"', counter: 7 },
      'a.b': { ...common, value: '{"y":"ü😀","z":[1,null]}', counter: 7 },
      gone: { ...common, value: '{"__deleted":true}', deleted: true, counter: 7 },
    });
    t.equal(notes.fields.length, 3);
    const stamps = notes.fields.map(({ stamp }) => stamp).sort((a, b) => a - b);
    t.same(stamps, [41, 42, 43], 'above all clocks, and no two are the same');
    t.equal(notes.stamp, 43);
    t.match(byPath(plain!), { kind: { value: '"older"' }, fields: { value: '3' } });
    t.match(empty, { stamp: 1, fields: [], text: [] });
    t.match(text, { stamp: 31, fields: [], text: [{ id: /^0{12}[0-9a-f]{20}$/ }] });
    t.match(byPath(lost!), { v: { value: '"new"', counter: 9 } });
    t.match(unwritten, { stamp: 0, fields: [], text: [] });
    t.match(differs, { stamp: 51, fields: [], text: [{}] });

    const again = await importInto(env, db.url);
    t.equal(again.code, 0);
    t.same(withoutCommits(await stored(env, ids)), withoutCommits(documents), 'a second import changes nothing');

    const running = await server(t, env);
    const raw = await client(t, running);
    t.match(await raw.subscribe('notes'), { state: { title: 'Hi', 'a.b': { z: [1, null], y: 'ü😀' } } });
    const answer = await raw.subscribe('text');
    const reader = new TextReplica('bob');
    reader.merge(answer['textState'] as string);
    t.equal(reader.text(), 'Hello');
    // A clock that is half a century slow still writes later than everything that was imported.
    await raw.acked(raw.set('notes', 'title', 'Mine', { clientId: 'ann', clock: { ann: 1 }, timestamp: 1 }));
    await raw.acked(raw.set('notes', 'gone', 'back', { clientId: 'ann', clock: { ann: 2 }, timestamp: 1 }));
    t.same((await (await client(t, running)).subscribe('notes'))['state'], {
      title: 'Mine',
      'a.b': { z: [1, null], y: 'ü😀' },
      gone: 'back',
    });
    await running.kill('SIGTERM');

    await addDocument(db, 'notes', { title: 'Theirs', gone: 'too', 'a.b': 2 }, 8);
    t.equal((await importInto(env, db.url)).code, 0);
    t.match(
      byPath((await stored(env, ['notes']))[0]!),
      { title: { value: '"Mine"' }, gone: { value: '"back"' }, 'a.b': { value: '2' } },
      'a later import brings what was written meanwhile, and nothing over what clients wrote here',
    );
  });

  test(`${kind}: what can't be taken is named with its reason, and the rest arrives`, async (t) => {
    const db = await reference(t);
    await db.query('ALTER TABLE documents ALTER state DROP NOT NULL');
    await addDocument(db, 'good', { a: 1 });
    await addDocument(db, 'a/b', { a: 1 });
    await addState(db, 'list', [1]);
    await db.query(`INSERT INTO documents (id, state) VALUES ('null', NULL), ('json null', 'null')`);
    await addState(db, 'jsonnull', null);
    await addDocument(db, 'long', { ['x'.repeat(1025)]: 1, short: 2 });
    await addState(db, 'more', { id: 'more', fields: { a: 1 }, attachments: ['x'] });
    await db.query(`INSERT INTO documents (id, state, version) VALUES ('counted', '{"a": 1}', ${2n ** 60n})`);
    await addText(db, 'fine', 'Fine', typed('Fine').state());
    await addText(db, 'bare', 'only content', null);
    await addText(db, 'broken', 'secret words', '{"blocks": 5}');
    await addText(db, 'nothing', 'x', '');
    await db.query(`INSERT INTO snapshots (id, document_id, state, compressed) VALUES ('s', 'packed', '"H4sI"', true)`);
    await db.query(
      `INSERT INTO deltas (document_id, client_id, operation_type, clock_value) VALUES ('gone', 'ann', 'set', 40)`,
    );
    const env = await storageEnv(t, kind);

    const { code, stdout, stderr } = await importInto(env, db.url);
    t.equal(code, 1);
    const lines = [
      'documents "a/b": no client of this server could ask for a document of this id',
      'documents "json null": no client of this server could ask for a document of this id',
      'documents "null": its state is null',
      'documents "jsonnull": its state is null',
      'documents "list": its state is not a JSON object',
      `documents "long", field "${'x'.repeat(1025)}": the path is over 1024 bytes`,
      'documents "more": its key "attachments" is not known',
      'documents "bare": it is a text without its crdt',
      'documents "broken": its crdt is refused: the text state can not be read',
      'documents "nothing": it is a text without its crdt',
      'snapshots "packed": it is compressed, in a way that is not known here',
      'deltas "gone": there is no document of this id',
    ];
    for (const line of lines) t.ok(stderr.split('\n').includes(`refused: ${line}`), line);
    t.notMatch(stderr, /secret words|password/);
    t.notMatch(stdout, /password/);
    t.match(stdout, 'Imported 4 documents with 4 fields, 0 of which are removed, and 1 texts;');
    t.match(stdout, 'Read back: 5 of 5 are stored as they were read.');
    t.match(stdout, `Refused: ${lines.length}.`);
    const [good, fine, long] = await stored(env, ['good', 'fine', 'long']);
    t.match(good!.fields, [{ path: 'a', value: '1' }]);
    t.match(fine!.text, [{}]);
    t.match(long!.fields, [{ path: 'short' }]);
  });
}

test('more than a page, and documents that are each larger than one', async (t) => {
  const db = await reference(t);
  await db.query(
    `INSERT INTO documents (id, state, version)
    SELECT 'd' || i, jsonb_build_object('n', i), i FROM generate_series(1, 1234) AS i`,
  );
  // Random digits, or they would be compressed to nothing.
  await db.query(`INSERT INTO documents (id, state) SELECT 'large' || d, (
      SELECT jsonb_object_agg('f' || i, md5((d * 200000 + i)::text)) FROM generate_series(1, 100000) AS i
    ) FROM generate_series(1, 3) AS d`);
  const env = await storageEnv(t, 'embedded');
  const { code, stdout } = await importInto(env, db.url);
  t.equal(code, 0);
  t.match(stdout, 'Imported 1237 documents with 301234 fields');
  const [last, large] = await stored(env, ['d1234', 'large3']);
  t.match(last!.fields, [{ value: '1234', counter: 1234 }]);
  t.equal(large!.fields.length, 100_000);
});

test('a database without documents is refused; columns that are missing are named', async (t) => {
  const env = await storageEnv(t, 'embedded');
  const nothing = await importInto(env, (await database(t)).url);
  t.equal(nothing.code, 1);
  t.match(nothing.stderr, /has no table documents .* it is another one/);

  const old = await reference(
    t,
    `CREATE TABLE rows (id varchar(80) PRIMARY KEY, state json, bytes integer, weight integer);
    CREATE VIEW documents AS SELECT * FROM rows;
    CREATE TABLE snapshots (id serial, document_id text, state jsonb, created_at timestamptz);
    INSERT INTO rows VALUES ('old', '{ "a" : 1.50 }');
    INSERT INTO snapshots (document_id, state, created_at) VALUES ('older', '{"b": 2}', now())`,
  );
  const { code, stdout, stderr } = await importInto(env, old.url);
  t.equal(code, 0, stderr);
  for (const table of ['vector_clocks']) t.match(stdout, `There is no table ${table}: skipped.`);
  t.match(stdout, 'The table documents has no column version: done without it.');
  t.match(stdout, 'The table snapshots has no column compressed: done without it.');
  const [first, second] = await stored(env, ['old', 'older']);
  t.match(first!.fields, [{ path: 'a', value: '1.5', counter: 0, stamp: 1 }]);
  t.match(second!.fields, [{ path: 'b', value: '2' }]);
});

test('rows that share an id or have none are counted as left out', async (t) => {
  const db = await reference(
    t,
    `CREATE TABLE documents (id text, state jsonb, version bigint);
    INSERT INTO documents SELECT 'same', '{"a": 1}', 1 FROM generate_series(1, 700);
    INSERT INTO documents VALUES (NULL, '{"a": 1}', 1)`,
  );
  const { code, stderr } = await importInto(await storageEnv(t, 'embedded'), db.url);
  t.equal(code, 1);
  t.match(stderr, 'refused: documents: 201 rows have no id, or that of another row');
});

test('a start on the database of a reference server names the command, and changes nothing', async (t) => {
  const db = await reference(t);
  const before = await db.query('SELECT count(*) FROM pg_class');
  const env = { DATABASE_URL: db.url };
  await t.rejects(server(t, env), /database is that of a reference server.*synckit-server import-reference --from/);
  await t.rejects(server(t, { ...env, DB_AUTO_MIGRATE: 'false' }), /synckit-server import-reference --from/);
  t.match((await importInto(env, db.url)).stderr, /database is that of a reference server/, 'nor is it a target');
  t.same(await db.query('SELECT count(*) FROM pg_class'), before);
});

test('wrong arguments and unreachable databases are reported without a stack and without a password', async (t) => {
  const db = await database(t);
  const wrong: [string, NodeJS.ProcessEnv, RegExp][] = [
    ['mysql://root:hunter2@localhost/db', {}, /needs --from postgres:/],
    ['hunter2', {}, /needs --from postgres:/],
    [db.url, { DATABASE_URL: 'memory:' }, /would be gone/],
    [db.url, { SYNCKIT_DATA_DIR: '/dev/null/data' }, /data directory .* can't be created/],
    ['postgres://ann:hunter2@127.0.0.1:1/db', {}, /the database of the reference server: .*ECONNREFUSED/],
    [db.url, { DATABASE_URL: 'postgres://ann:hunter2@127.0.0.1:1/db' }, /ECONNREFUSED/],
  ];
  for (const [from, env, sentence] of wrong) {
    const { code, stdout, stderr } = await importInto(env, from);
    t.equal(code, 1);
    t.match(stderr, sentence);
    t.notMatch(stdout + stderr, /hunter2|\n {4}at /);
  }
});
