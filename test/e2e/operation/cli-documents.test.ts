/** `synckit-server documents`, on running servers and on the storage of stopped ones. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { Backend } from '../../support/nodes/backend.js';
import { folder, secret, server, token } from '../../support/nodes/fixture.js';
import { runCli } from '../../support/nodes/run-cli.js';
import { durableStorages, storageEnv } from '../../support/parts/storages.js';
import { TextReplica } from '../../support/clients/text-replica.js';

const SYNCKIT_TOKEN = token('root', { admin: true });
const exact = '{"big":12345678901234567890,"small":1.50,"text":"é\\u0001","list":[[],{}]}';

/** A command whose outcome must be this; returns what it printed. */
async function ran(env: NodeJS.ProcessEnv, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli(env, 'documents', ...args);
  if (code !== 0) throw new Error(`${args.join(' ')}: ${code} ${stderr}`);
  return stdout;
}

function text(content: string) {
  const replica = new TextReplica('ann');
  replica.insert(0, content);
  return { deltas: [{ type: 'text-state', state: replica.state(), clientId: 'ann', clock: 1 }] };
}

for (const kind of durableStorages) {
  test(`documents are exported from a server, and imported into a storage and another server (${kind})`, async (t) => {
    const from = await server(t, { JWT_SECRET: secret });
    const remote = { SYNCKIT_URL: from.http, SYNCKIT_TOKEN };
    const backend = new Backend(from);
    await ran(remote, 'set', 'a', `{"exact":${exact},"gone":1,"__proto__":2}`);
    await ran(remote, 'set', 'a', '{"gone":null}');
    await backend.status('POST', '/documents/a/deltas', { deltas: [{ field: 'nothing', value: null }] });
    await backend.status('POST', '/documents/t/deltas', text('Hé "you"\n👩‍👩‍👧'));
    for (let i = 0; i < 40; i++) await backend.status('PATCH', `/documents/n${String(i).padStart(2, '0')}`, { i });
    await ran(remote, 'delete', 'n00');
    t.equal((await ran(remote, 'list', '--deleted')).trim(), 'n00');
    t.match(JSON.parse(await ran(remote, 'list', '--deleted', '--json')), { id: 'n00', deleted: /Z$/ });

    const exported = await ran(remote, 'export');
    const lines = exported.trim().split('\n');
    t.equal(lines.length, 41);
    t.equal(withoutTimes(lines[0]!), `{"id":"a","fields":{"__proto__":2,"exact":${exact},"nothing":null}}`);
    t.equal(await ran(remote, 'export', '--after', 'n37'), `${lines.slice(-3).join('\n')}\n`);
    t.equal((await ran(remote, 'list', '--prefix', 'n3')).trim().split('\n').length, 10);
    const file = join(await folder(t), 'all.ndjson');
    await writeFile(file, exported);

    const env = await storageEnv(t, kind);
    t.match(await runCli(env, 'documents', 'import', file), {
      code: 0,
      stderr: /41 documents imported, 0 of them were there/,
    });
    t.equal(withoutTimes(await ran(env, 'export')), withoutTimes(exported), 'what is in the storage');
    const first = await ran(env, 'list', '--json');
    t.match(await runCli(env, 'documents', 'import', file), {
      code: 0,
      stderr: /41 documents imported, 41 of them were/,
    });
    t.equal(await ran(env, 'list', '--json'), first, 'nothing is written again');

    const to = await server(t, { JWT_SECRET: secret, ...env });
    const there = { SYNCKIT_URL: to.http, SYNCKIT_TOKEN };
    t.equal(withoutTimes(await ran(there, 'export')), withoutTimes(exported), 'what the server shows');
    const again = await runCli(there, 'documents', 'import', file, '--after', 'n30');
    t.match(again, { code: 0, stderr: /10 documents imported, 10 of them were there/ });
    await ran(there, 'delete', '--hard', 't');
    const refused = await runCli(there, 'documents', 'import', file);
    t.match(refused, { code: 1, stderr: /Text erased[^]*40 documents imported, 40 of them were there, 1 refused/ });
    t.match(JSON.parse(await ran(there, 'get', 'a')), { id: 'a', fields: { nothing: null } });

    await to.kill('SIGTERM');
    await ran(env, 'set', 'a', '{"late":1,"nothing":null}');
    t.match(await runCli(env, 'documents', 'get', 't'), { code: 1, stderr: 'There is no document t\n' });
    await ran(env, 'delete', 'n01');
    t.match(await runCli(env, 'documents', 'set', 'n01', '{"i":2}'), { code: 1, stderr: 'Document deleted (404)\n' });
    await ran(env, 'restore', 'n01');
    const last = new Backend(await server(t, { JWT_SECRET: secret, ...env }));
    t.match(await last.fields('a'), { late: 1 });
    t.notOk('nothing' in (await last.fields('a')));
    t.strictSame(await last.fields('n01'), { i: 1 });
  });
}

test('the embedded storage of a running server is read and not written', async (t) => {
  const directory = await folder(t);
  const to = await server(t, { SYNCKIT_DATA_DIR: directory });
  await fetch(`${to.http}/documents/d`, {
    method: 'PATCH',
    headers: { 'Content-Type': 'application/json' },
    body: '{"a":1}',
  });
  const env = { SYNCKIT_DATA_DIR: directory };
  t.equal(withoutTimes(await ran(env, 'get', 'd')), '{"id":"d","fields":{"a":1}}\n');
  const refused = await runCli(env, 'documents', 'set', 'd', '{"a":2}');
  t.match(refused, { code: 1, stderr: /^Process \d+ has the database in .* open: end it first\n$/ });
});

test('what is wrong is said in a sentence', async (t) => {
  const to = await server(t, { JWT_SECRET: secret });
  const remote = { SYNCKIT_URL: to.http, SYNCKIT_TOKEN };
  const said = async (env: NodeJS.ProcessEnv, ...args: string[]) => (await runCli(env, 'documents', ...args)).stderr;
  t.match(await said(remote), /documents needs a command: list, get, set/);
  t.match(await said({ SYNCKIT_URL: to.http }, 'list'), /^Not authenticated \(401\)/);
  t.match(await said({ ...remote, SYNCKIT_URL: 'http://127.0.0.1:1' }, 'list'), /127\.0\.0\.1:1 can't be reached/);
  t.match(await said(remote, 'set', 'd', '[]'), /the fields must be a JSON object/);
  t.match(await said(remote, 'get', 'é'), /is no id of a document/);
  t.match(await said(remote, 'delete', 'none'), /^There is no document none\n/);
  t.match(await said({ DATABASE_URL: 'memory:' }, 'list'), /DATABASE_URL is memory/);
  t.match(await said(remote, 'import', '/nowhere/file'), /nowhere\/file can't be read/);
  t.match((await runCli({}, 'documents', '--help')).stdout, /documents export --url/);
  const file = join(await folder(t), 'bad.ndjson');
  await writeFile(file, '{"id":"d","fields":{"a":1}}\nnonsense\n{"id":"é","fields":{}}\n{"id":"e","fields":{"b":2}}\n');
  const outcome = await runCli(remote, 'documents', 'import', file);
  t.match(outcome, {
    code: 1,
    stderr: /refused: nonsense: the line is no document[^]*2 documents imported, 0 .* 2 refused/,
  });
  t.equal((await ran(remote, 'list')).trim(), 'd\ne');
});

test('a list of 2 500 documents has all of them, while others come', async (t) => {
  const ids = Array.from({ length: 2_500 }, (_, i) => `d${String(i).padStart(5, '0')}`);
  const file = join(await folder(t), 'many.ndjson');
  await writeFile(file, ids.map((id) => `{"id":"${id}","fields":{"a":1}}\n`).join(''));
  const env = await storageEnv(t, 'embedded');
  await ran(env, 'import', file);
  const many = new Backend(await server(t, { JWT_SECRET: secret, ...env }));
  let added = 0;
  const seen = await many.ids({ limit: '200' }, async () => {
    added++;
    await many.status('PATCH', `/documents/c${added}`, { a: 1 });
    await many.status('PATCH', `/documents/e${added}`, { a: 1 });
  });
  t.strictSame(
    seen.filter((id) => id.startsWith('d')),
    ids,
  );
  t.equal(new Set(seen).size, seen.length, 'none twice');
  t.ok(
    seen.some((id) => id.startsWith('e')),
    'those that come behind are seen',
  );
  t.strictSame((await many.page({ limit: '1000' })).documents.length, 1_000);
  for (const query of ['limit=1001', 'limit=0', 'cursor=%21', 'deleted=1', 'other=1']) {
    t.equal(await many.status('GET', `/documents?${query}`), '400 INVALID_REQUEST', query);
  }
});

function withoutTimes(lines: string): string {
  return lines.replaceAll(/,"updated":"[^"]*"/g, '');
}
