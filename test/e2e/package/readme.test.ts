/** What a newcomer copies from README.md, docs/getting-started.md and docs/clients.md, in the order of the pages. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import tap, { test, type Test } from 'tap';
import { client, folder, secret, server } from '../../support/nodes/fixture.js';
import { block, blocks } from '../../support/pages.js';
import { database } from '../../support/postgres/postgres.js';
import { plainNode, until } from '../../support/nodes/server.js';
import { packageFolder } from '../../../src/version.js';

tap.setTimeout(600_000);

const base = { PATH: process.env['PATH'], HOME: process.env['HOME'] };

function shell(t: Test, script: string, cwd: string, env: NodeJS.ProcessEnv = {}): string {
  const { status, stdout, stderr } = spawnSync('sh', ['-euc', script], {
    cwd,
    encoding: 'utf8',
    env: { ...base, ...env },
  });
  t.equal(status, 0, `${script}${stderr}`);
  return stdout;
}

/** A program of a page, and what it prints. */
function program(t: Test, cwd: string, args: string[], url: string): { child: ChildProcess; out: () => string } {
  const child = spawn('env', [...plainNode(), ...args], { cwd, env: { ...base, SERVER: url } });
  t.teardown(() => child.kill('SIGKILL'));
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (out += text));
  return { child, out: () => out };
}

test('the two clients of the README, in an empty folder', async (t) => {
  const cwd = await folder(t);
  const install = block('README.md', 'sh', 'npm install @synckit-js/sdk');
  shell(t, install.replace('npm install', 'npm install --prefer-offline --no-audit --no-fund'), cwd);
  await writeFile(join(cwd, 'demo.mjs'), block('README.md', 'js', "import('@synckit-js/sdk')"));
  const to = await server(t);
  const ann = program(t, cwd, ['demo.mjs', 'ann'], to.url);
  const bob = program(t, cwd, ['demo.mjs', 'bob'], to.url);
  const shows = (out: string, name: string) => new RegExp(`"${name}":"\\d{4}-`).test(out);
  for (const [who, { out }] of Object.entries({ ann, bob })) {
    await until(`${who} to show both names`, () => shows(out(), 'ann') && shows(out(), 'bob')).catch((error: unknown) =>
      t.fail(`${String(error)}: ${out()}`),
    );
  }
  const times = () => new Set(ann.out().match(/"bob":"[^"]+"/g)).size;
  await until('values that change', () => times() >= 3);
  t.pass('each prints what the other writes, again and again');
});

test('the client of docs/clients.md without an SDK', async (t) => {
  const cwd = await folder(t);
  shell(t, 'npm install --prefer-offline --no-audit --no-fund ws', cwd);
  await writeFile(join(cwd, 'plain.mjs'), block('docs/clients.md', 'js', 'new WebSocket('));
  const to = await server(t);
  const other = await client(t, to, { encoding: 'json' });
  await other.subscribe('notes');
  const { out } = program(t, cwd, ['plain.mjs'], to.url);
  await other.expect('what the plain client wrote', (message) => /World/.test(JSON.stringify(message)));
  await until('its ack', () => out().includes('"type":"ack"'));
  t.match(out(), '"type":"sync_response"');
});

test('the command line of the README and of docs/getting-started.md, in the checkout', async (t) => {
  const data = { SYNCKIT_DATA_DIR: join(await folder(t), 'data') };
  const out = shell(t, block('README.md', 'sh', 'check-config'), packageFolder, data);
  t.match(out, /^The configuration is usable/m);
  t.match(out, /^eyJ/m, 'a token');
  t.match(out, /^Usage: synckit-server/m);
  t.notMatch(out, /asc assembly|tsc -p/, 'nothing is built for it');

  const script = block('docs/getting-started.md', 'sh', 'export JWT_SECRET');
  const jwt = shell(t, script.replace(/"\$\(openssl[^)]*\)"/, `'${secret}'`), packageFolder, data).trim();
  const to = await server(t, { JWT_SECRET: secret });
  const ann = await client(t, to, { token: jwt });
  await ann.acked(ann.set('notes', 'title', 'Plan'));
  await ann.subscribe('other');
  await t.rejects(ann.acked(ann.set('other', 'title', 'x')), /PERMISSION_DENIED/, 'but not write it');

  const curl = block('docs/getting-started.md', 'sh', '/health/ready').replace('http://localhost:8080', to.http);
  const answer = blocks('docs/getting-started.md', 'json')[0]!;
  t.strictSame(JSON.parse(shell(t, curl, packageFolder)), JSON.parse(answer));
});

test('the view of src/storage/README.md', async (t) => {
  const { url, query } = await database(t);
  const to = await server(t, { DATABASE_URL: url });
  const raw = await client(t, to);
  await raw.acked(raw.set('notes', 'title', 'Plan'));
  t.strictSame(Object.values((await query(block('src/storage/README.md', 'sql', 'document_state')))[0] ?? {}), [
    'Plan',
  ]);
});

test('an installation without dev dependencies ends with a sentence', async (t) => {
  const cwd = await folder(t);
  await mkdir(join(cwd, 'tools'));
  for (const file of ['package.json', 'tools/prepare.mjs']) {
    await writeFile(join(cwd, file), readFileSync(join(packageFolder, file)));
  }
  const { status, stderr } = spawnSync('npm', ['run', '--silent', 'prepare'], { cwd, encoding: 'utf8', env: base });
  t.equal(status, 0, 'the installation goes on');
  t.match(stderr, /not built, as the compilers are dev dependencies.*npm ci --include=dev/);
  const start = spawnSync('npm', ['run', '--silent', 'start'], { cwd, encoding: 'utf8', env: base });
  t.equal(start.status, 1);
  t.match(start.stderr, /^The server is not built: run npm run build/);
});
