/** What erasure promises of the bytes on disk (docs/operations/erasure.md): looked for in the raw files. */
import { randomBytes } from 'node:crypto';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { test } from 'tap';
import { Backend } from '../../support/nodes/backend.js';
import { folder, secret, server } from '../../support/nodes/fixture.js';
import { database } from '../../support/postgres/postgres.js';
import { startPostgres } from '../../support/postgres/postgres-server.js';
import { runCli } from '../../support/nodes/run-cli.js';
import { TextReplica } from '../../support/clients/text-replica.js';

/** Files below a folder that hold a text. */
async function holding(directory: string, text: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir(directory, { recursive: true })) {
    const path = join(directory, name);
    if ((await stat(path)).isFile() && (await readFile(path)).includes(text)) found.push(name);
  }
  return found;
}

/** Writes a document with a field, a former value of it, a removed field's name and a text that are nowhere else. */
async function writeSecrets(backend: Backend): Promise<Record<'value' | 'former' | 'name' | 'text', string>> {
  const [value = '', former = '', name = '', text = ''] = Array.from({ length: 4 }, () =>
    randomBytes(20).toString('hex'),
  );
  const replica = new TextReplica('ann');
  replica.insert(0, text);
  const delta = { type: 'text-state', state: replica.state(), clientId: 'ann', clock: 1 };
  for (const fields of [
    { a: former, [name]: 1 },
    { a: value, [name]: null },
  ]) {
    await backend.status('PATCH', '/documents/d', fields);
  }
  await backend.status('POST', '/documents/d/deltas', { deltas: [delta] });
  await backend.status('POST', '/snapshots/d');
  await backend.status('PATCH', '/documents/other', { a: 'kept' });
  return { value, former, name, text };
}

test('DEL2 a backup of the embedded storage holds nothing of what was erased', async (t) => {
  const directory = await folder(t);
  const env = { JWT_SECRET: secret, SYNCKIT_DATA_DIR: directory, HISTORY_PREFIXES: '*' };
  const to = await server(t, env);
  const backend = new Backend(to);
  const secrets = await writeSecrets(backend);
  t.ok((await holding(directory, secrets.value)).length > 0, 'it is there before');
  t.ok((await holding(directory, secrets.former)).length > 0, 'and so is what it was before, in its history');
  t.ok((await holding(directory, secrets.name)).length > 0, 'and so is the name of what was removed (TMB1)');
  t.equal(await backend.status('DELETE', '/documents/d?hard=true'), '204');
  await to.kill('SIGTERM');

  const copy = join(await folder(t), 'backup');
  t.equal((await runCli(env, 'backup', '--to', copy)).code, 0);
  const restored = await runCli(env, 'restore', '--from', copy, '--force');
  t.equal(restored.code, 0, restored.stderr);
  for (const name of await readdir(directory)) {
    if (name.startsWith('replaced-')) await rm(join(directory, name), { recursive: true });
  }
  for (const [what, text] of Object.entries(secrets)) {
    t.strictSame([await holding(directory, text), await holding(copy, text)], [[], []], what);
  }
  const again = new Backend(await server(t, env));
  t.strictSame(await again.fields('other'), { a: 'kept' });
  t.equal(await again.status('GET', '/documents/d'), '404 DOCUMENT_NOT_FOUND');
});

test('DEL2 after VACUUM FULL the tables of Postgres hold nothing of what was erased', async (t) => {
  const postgres = await startPostgres();
  t.teardown(() => postgres.stop());
  const { url, query } = await database(t, postgres.url);
  const backend = new Backend(await server(t, { JWT_SECRET: secret, DATABASE_URL: url, HISTORY_PREFIXES: '*' }));
  const secrets = await writeSecrets(backend);
  // Of the tables: the WAL holds everything for as long as it is kept.
  const base = join(postgres.directory, 'base');
  await checkpoint(url);
  for (const [what, text] of Object.entries(secrets)) t.ok((await holding(base, text)).length > 0, `${what} is there`);
  t.equal(await backend.status('DELETE', '/documents/d?hard=true'), '204');
  const rows = `SELECT (SELECT count(*) FROM fields WHERE document_id = 'd')::int AS fields,
    (SELECT count(*) FROM text_updates WHERE document_id = 'd')::int AS updates,
    (SELECT count(*) FROM snapshots WHERE document_id = 'd')::int AS snapshots,
    (SELECT count(*) FROM history_entries WHERE document_id = 'd')::int AS history`;
  t.strictSame(await query(rows), [{ fields: 0, updates: 0, snapshots: 0, history: 0 }]);
  await query('VACUUM FULL fields, text_updates, snapshots, history_entries, history_wholes');
  await checkpoint(url);
  for (const [what, text] of Object.entries(secrets)) t.strictSame(await holding(base, text), [], what);
  t.strictSame(await backend.fields('other'), { a: 'kept' });
});

/** Writes what is in memory to the files. */
async function checkpoint(url: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  await client.query('CHECKPOINT');
  await client.end();
}
