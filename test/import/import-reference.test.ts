/** `synckit-server import-reference`, from a real Postgres into each storage, and a server that serves what came. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test, type Test } from 'tap';
import { openLmdbStorage } from '../../src/storage/lmdb/storage.js';
import type { StoredDocument } from '../../src/storage/port.js';
import { openPostgresStorage } from '../../src/storage/postgres/storage.js';
import { documentsOf } from '../contract/storage-rows.js';
import { client, server } from '../support/fixture.js';
import { database, type TestDatabase } from '../support/postgres.js';
import { plainNode } from '../support/server.js';
import { durableStorages, storageEnv } from '../support/storages.js';
import { TextReplica } from '../support/text-replica.js';

const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url));

/** The tables of the reference server. */
const schema = `
  CREATE TABLE documents (
    id text PRIMARY KEY, state jsonb NOT NULL, version bigint NOT NULL, updated_at timestamptz NOT NULL DEFAULT now()
  );
  CREATE TABLE vector_clocks (
    document_id text NOT NULL, client_id text NOT NULL, clock_value bigint NOT NULL, PRIMARY KEY (document_id, client_id)
  );
  CREATE TABLE text_documents (id text PRIMARY KEY, content text NOT NULL, crdt_state text, clock_value bigint);
  CREATE TABLE snapshots (
    id text PRIMARY KEY, document_id text NOT NULL, state jsonb NOT NULL, version jsonb, size_bytes integer,
    compressed boolean NOT NULL DEFAULT false, created_at timestamptz NOT NULL DEFAULT now()
  );`;

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function importInto(env: NodeJS.ProcessEnv, from: string): Promise<Outcome> {
  const args = [...plainNode(), cli, 'import-reference', '--from', from];
  return new Promise((resolve) => {
    execFile('env', args, { env: { PATH: process.env['PATH'], ...env } }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

async function reference(t: Test, sql = schema): Promise<TestDatabase> {
  const made = await database(t);
  await made.query(sql);
  return made;
}

async function addDocument(db: TestDatabase, id: string, state: unknown, version = 1): Promise<void> {
  await db.query(
    `INSERT INTO documents (id, state, version) VALUES ($1, $2, $3)
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, version = excluded.version`,
    [id, JSON.stringify(state), version],
  );
}

async function addText(db: TestDatabase, id: string, content: string, state: string | null, clock = 1): Promise<void> {
  await db.query('INSERT INTO text_documents VALUES ($1, $2, $3, $4)', [id, content, state, clock]);
}

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
    await addDocument(db, 'both', { kind: 'text' });
    await addDocument(db, 'empty', {});
    await db.query(`INSERT INTO vector_clocks VALUES ('notes', 'ann', 40), ('notes', 'bob', 12), ('text', 'ann', 30)`);
    const replica = typed('Hello, world');
    replica.delete(5, 7);
    await addText(db, 'text', 'Hello', replica.state(), 12);
    // As a JSON string that holds the JSON.
    await addText(db, 'both', 'other', JSON.stringify(typed('Both').state()));
    await addText(db, 'unwritten', '', null);
    await db.query(`INSERT INTO snapshots (id, document_id, state, version, created_at) VALUES
      ('s1', 'lost', '{"v": "old"}', '{"ann": 3}', '2025-01-01'),
      ('s2', 'lost', '{"v": "new"}', '{"ann": 3, "bob": 9}', '2025-02-01'),
      ('s3', 'notes', '{"title": "long ago"}', '5', '2025-03-01')`);
    // Some versions of it have the state as text, some as jsonb.
    if (kind === 'postgres') {
      await db.query('ALTER TABLE text_documents ALTER COLUMN crdt_state TYPE jsonb USING crdt_state::jsonb');
    }
    const env = await storageEnv(t, kind);

    const first = await importInto(env, db.url);
    t.equal(first.stderr, '');
    t.equal(first.code, 0);
    t.match(
      first.stdout,
      'Imported 4 documents (1 of them from snapshots) with 5 fields, 1 of which are removed, and 2',
    );
    t.match(first.stdout, 'Not imported: 2 snapshots');
    t.match(first.stdout, 'text_documents "both": its content is not that of its crdt_state');

    const ids = ['notes', 'both', 'empty', 'text', 'lost', 'unwritten'];
    const documents = await stored(env, ids);
    const [notes, both, empty, text, lost, unwritten] = documents as [StoredDocument, ...StoredDocument[]];
    const common = { deleted: false, timestamp: 0, clientId: 'reference' };
    t.match(byPath(notes), {
      title: { ...common, value: '"Hi"', counter: 7 },
      'a.b': { ...common, value: '{"y":"ü😀","z":[1,null]}', counter: 7 },
      gone: { ...common, value: '{"__deleted":true}', deleted: true, counter: 7 },
    });
    const stamps = notes.fields.map(({ stamp }) => stamp).sort((a, b) => a - b);
    t.same(stamps, [41, 42, 43], 'above all clocks, and no two are the same');
    t.equal(notes.stamp, 43);
    t.match(both, { stamp: 2, fields: [{ path: 'kind' }], text: [{ id: /^0{12}[0-9a-f]{20}$/ }] });
    t.match(empty, { stamp: 1, fields: [], text: [] });
    t.match(text, { stamp: 31, fields: [], text: [{ id: /^0{12}/ }] });
    t.match(byPath(lost!), { v: { value: '"new"', counter: 9 } });
    t.match(unwritten, { stamp: 0, fields: [], text: [] });

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
    const mixed = await raw.subscribe('both');
    t.same(mixed['state'], { kind: 'text' });
    t.type(mixed['textState'], 'string');
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
    await addDocument(db, 'good', { a: 1 });
    await addDocument(db, 'a/b', { a: 1 });
    await addDocument(db, 'list', [1]);
    await addDocument(db, 'long', { ['x'.repeat(1025)]: 1, short: 2 });
    await db.query(`INSERT INTO documents (id, state, version) VALUES ('counted', '{"a": 1}', ${2n ** 60n})`);
    await addText(db, 'good', 'Fine', typed('Fine').state());
    await addText(db, 'bare', 'only content', null);
    await addText(db, 'broken', 'secret words', '{"blocks": 5}');
    await addText(db, 'nothing', 'x', '');
    await db.query(`INSERT INTO snapshots (id, document_id, state, compressed) VALUES ('s', 'packed', '"H4sI"', true)`);
    const env = await storageEnv(t, kind);

    const { code, stdout, stderr } = await importInto(env, db.url);
    t.equal(code, 1);
    for (const line of [
      'refused: documents "a/b": no client of this server could ask for a document of this id',
      'refused: documents "list": its state is not a JSON object',
      `refused: documents "long", field "${'x'.repeat(1025)}": the path is over 1024 bytes`,
      'refused: documents "counted", field "a": the counter is not a safe integer',
      'refused: text_documents "bare": it has no crdt_state',
      'refused: text_documents "broken": its crdt_state is refused: the text state can not be read',
      'refused: text_documents "nothing": its crdt_state is refused: the text state can not be read',
      'refused: snapshots "packed": it is compressed, in a way that is not known here',
    ]) {
      t.ok(stderr.split('\n').includes(line), line);
    }
    t.notMatch(stderr, /secret words|password/);
    t.notMatch(stdout, /password/);
    t.match(
      stdout,
      'Imported 3 documents (0 of them from snapshots) with 2 fields, 0 of which are removed, and 1 texts.',
    );
    t.match(stdout, 'Refused: 8.');
    const [good, long] = await stored(env, ['good', 'long']);
    t.match(good, { fields: [{ path: 'a', value: '1' }], text: [{}] });
    t.match(long!.fields, [{ path: 'short' }]);
  });
}

test('more than a page, and documents that are each larger than one', async (t) => {
  const db = await reference(t);
  await db.query(
    `INSERT INTO documents SELECT 'd' || i, jsonb_build_object('n', i), i FROM generate_series(1, 1234) AS i`,
  );
  // Random digits, or they would be compressed to nothing.
  await db.query(`INSERT INTO documents SELECT 'large' || d, (
      SELECT jsonb_object_agg('f' || i, md5((d * 200000 + i)::text)) FROM generate_series(1, 100000) AS i
    ), 1 FROM generate_series(1, 3) AS d`);
  const env = await storageEnv(t, 'embedded');
  const { code, stdout } = await importInto(env, db.url);
  t.equal(code, 0);
  t.match(stdout, 'Imported 1237 documents (0 of them from snapshots) with 301234 fields');
  const [last, large] = await stored(env, ['d1234', 'large3']);
  t.match(last!.fields, [{ value: '1234', counter: 1234 }]);
  t.equal(large!.fields.length, 100_000);
});

test('tables and columns that are missing are skipped with a line', async (t) => {
  const env = await storageEnv(t, 'embedded');
  const nothing = await importInto(env, (await database(t)).url);
  t.equal(nothing.code, 0);
  for (const table of ['documents', 'vector_clocks', 'text_documents', 'snapshots']) {
    t.match(nothing.stdout, `There is no table ${table}: skipped.`);
  }
  t.match(nothing.stdout, 'Imported 0 documents');

  const old = await reference(
    t,
    `CREATE TABLE documents (id varchar(80) PRIMARY KEY, state json, bytes integer, weight integer);
    CREATE TABLE text_documents (id text PRIMARY KEY, content text);
    CREATE TABLE snapshots (id serial, document_id text, state jsonb, created_at timestamptz);
    INSERT INTO documents VALUES ('old', '{ "a" : 1.50 }');
    INSERT INTO snapshots (document_id, state, created_at) VALUES ('older', '{"b": 2}', now())`,
  );
  const { code, stdout } = await importInto(env, old.url);
  t.equal(code, 0);
  t.match(stdout, 'The table documents has no column version: done without it.');
  t.match(stdout, 'The table text_documents has no column crdt_state: skipped.');
  t.match(stdout, 'The table snapshots has no column compressed: done without it.');
  const [first, second] = await stored(env, ['old', 'older']);
  t.match(first!.fields, [{ path: 'a', value: '1.5', counter: 0, stamp: 1 }]);
  t.match(second!.fields, [{ path: 'b', value: '2' }]);
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
