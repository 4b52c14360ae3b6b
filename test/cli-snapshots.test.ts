/** The commands about snapshots, with a running server and on the storage of a stopped one. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { folder, secret, server, token } from './support/nodes/fixture.js';
import { runCli } from './support/nodes/run-cli.js';
import { storageEnv } from './support/parts/storages.js';

test('a snapshot from the first command to the last', async (t) => {
  const node = await server(t, { JWT_SECRET: secret });
  const granted = token('ann', { read: ['d'], write: ['d'] });
  const env = { SYNCKIT_URL: node.http, SYNCKIT_TOKEN: granted };
  const run = (...args: string[]) => runCli(env, 'snapshot', ...args);
  const write = (body: string) =>
    fetch(`${node.http}/documents/d`, {
      method: 'PATCH',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${granted}` },
      body,
    });
  t.match(await run('create', 'd'), { code: 1, stderr: /^Document not found \(404\)\n/ });
  await write('{"n":9007199254740993,"m":-0}');
  const created = await run('create', 'd');
  t.match(created, { code: 0, stdout: /^[\w-]{36}\n$/, stderr: '' });
  const id = created.stdout.trim();
  t.match(await run('list', 'd'), { code: 0, stdout: new RegExp(`^${id}  \\d{4}-\\S+Z  \\d+ bytes\\n$`) });
  const got = await run('get', id);
  t.match(got, { code: 0, stdout: /"state":\{"id":"d","fields":\{"n":9007199254740993,"m":-0\}\}\}\n$/ });
  t.equal((await run('get', 'latest:d')).stdout, got.stdout);
  const file = join(await folder(t), 'snapshot.json');
  t.match(await run('get', id, '--out', file), { code: 0, stdout: '' });
  t.equal(await readFile(file, 'utf8'), got.stdout.trimEnd());
  await write('{"n":1}');
  t.match(await run('restore', id), { code: 0, stdout: 'restored\n' });
  const answer = await fetch(`${node.http}/documents/d`, { headers: { Authorization: `Bearer ${granted}` } });
  t.match(await answer.text(), '"n":9007199254740993');
  t.match(await run('delete', id), { code: 0, stdout: 'deleted\n' });
  t.match(await run('delete', id), { code: 1, stderr: /^Snapshot not found \(404\)\n/ });
  t.match(await run('list', 'd', '--token', token('eve', {})), { code: 1, stderr: /^Permission denied \(403\)\n/ });
});

test('the same on the storage of a stopped server, with a text', async (t) => {
  const env = {
    ...(await storageEnv(t, 'embedded')),
    REDIS_URL: 'redis://127.0.0.1:1',
    ACCESS_URL: 'http://127.0.0.1:1',
  };
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await runCli(env, ...args);
    if (code !== 0) throw new Error(`${args.join(' ')}: ${stderr}`);
    return stdout.trim();
  };
  const file = join(await folder(t), 'one.ndjson');
  await writeFile(file, '{"id":"d","fields":{"n":9007199254740993},"text":"Hé 👩‍👩‍👧"}\n');
  await run('documents', 'import', file);
  const id = await run('snapshot', 'create', 'd');
  await run('documents', 'set', 'd', '{"n":1,"added":2}');
  t.match(await run('snapshot', 'list', 'd'), new RegExp(`^${id}  `));
  t.match(await run('snapshot', 'get', 'latest:d'), '"fields":{"n":9007199254740993},"text":"Hé 👩‍👩‍👧"');
  t.equal(await run('snapshot', 'restore', id), 'restored');
  t.match(await run('documents', 'get', 'd'), '{"id":"d","fields":{"n":9007199254740993},"text":"Hé 👩‍👩‍👧"');
  t.equal(await run('snapshot', 'delete', id), 'deleted');
  const last = await run('snapshot', 'create', 'd');
  await run('documents', 'delete', '--hard', 'd');
  t.match(
    await runCli(env, 'snapshot', 'get', last),
    { code: 1, stderr: 'Snapshot not found (404)\n' },
    'it is erased too',
  );
});

test('what the commands are told wrongly is said in a sentence', async (t) => {
  t.match(await runCli({}, 'snapshot', '--help'), { code: 0, stdout: /synckit-server snapshot create todo --url/ });
  t.match(await runCli({}, 'snapshot'), { code: 1, stderr: /needs one of: create, list, get, restore, delete/ });
  t.match(await runCli({}, 'snapshot', 'list'), { code: 1, stderr: /give a document/ });
  t.match(await runCli({}, 'snapshot', 'list', 'd', '--limit', 'x'), { code: 1, stderr: /--limit/ });
  t.match(await runCli({}, 'snapshot', 'list', 'd', '--url', 'ftp://x'), { code: 1, stderr: /--url must be/ });
  const away = await runCli({}, 'snapshot', 'list', 'd', '--url', 'http://127.0.0.1:1');
  t.match(away, { code: 1, stderr: /^http:\/\/127\.0\.0\.1:1 can't be reached: / });
});
