/** What `npm pack` makes, installed into an empty folder as users do. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'tap';
import { folder } from '../../support/nodes/fixture.js';
import { database } from '../../support/postgres/postgres.js';
import { until } from '../../support/nodes/server.js';
import { packageFolder, version } from '../../../src/version.js';

const run = promisify(execFile);
const env = { PATH: process.env['PATH'], HOME: process.env['HOME'] };

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

test('the package holds what runs, and runs where nothing else is', async (t) => {
  const to = await folder(t);
  const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', to];
  const { stdout } = await run('npm', pack, { cwd: packageFolder, env, maxBuffer: 16 * 1024 ** 2 });
  const parsed = JSON.parse(stdout) as Packed[] | Record<string, Packed>;
  const [packed] = Object.values(parsed) as [Packed];
  const paths = packed.files.map(({ path }) => path);
  t.ok(packed.size < 1024 ** 2, `${packed.size} bytes`);
  for (const path of [
    'dist/src/main.js',
    'node_modules/@synckit/core-wasm/build/core.wasm',
    'tools/cluster.mjs',
    'src/web/playground/index.html',
    'dist/assets/web/playground/main.js',
  ]) {
    t.ok(paths.includes(path), path);
  }
  // The pages hold texts as the reference implementation does.
  const others = paths.filter((path) => !path.startsWith('dist/assets/core-wasm/reference/'));
  const foreign = others.filter((path) => /(^|\/)(test|bench|assembly|reference)\/|\.(ts|map)$/.test(path));
  t.strictSame(foreign, [], 'no tests, sources or maps');

  const cwd = join(to, 'app');
  await cp(join(packageFolder, 'test/runner/fixtures/empty-package.json'), join(cwd, 'package.json'));
  const install = ['install', '--prefer-offline', '--no-audit', '--no-fund', join(to, packed.filename)];
  await run('npm', install, { cwd, env });
  const npx = (args: string[], more: NodeJS.ProcessEnv = {}) =>
    run('npx', ['synckit-server', ...args], { cwd, env: { ...env, ...more } });
  t.equal((await npx(['-v'])).stdout, `${version}\n`);
  t.match((await npx(['check-config'])).stdout, /^The configuration is usable/);
  const db = await database(t);
  t.match((await npx(['migrate'], { DATABASE_URL: db.url })).stdout, /001_documents applied/);
  t.match((await npx(['migrate', '--status'], { DATABASE_URL: db.url })).stdout, /001_documents {2}applied/);

  const server = spawn('npx', ['synckit-server', 'serve'], { cwd, env: { ...env, PORT: '0' }, detached: true });
  t.teardown(() => {
    try {
      process.kill(-server.pid!, 'SIGKILL');
    } catch {
      // It has ended.
    }
  });
  let out = '';
  server.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  await until('the server to listen', () => out.includes('"msg":"listening"'), 120_000);
  const { port } = JSON.parse(out.trim().split('\n').at(-1)!) as { port: number };
  t.equal((await fetch(`http://127.0.0.1:${port}/health/ready`)).status, 200);
  t.equal((await fetch(`http://127.0.0.1:${port}/playground`)).status, 200);
  t.ok((await readdir(cwd)).includes('data'), 'documents are kept in the present folder');
  const ended = once(server, 'close');
  process.kill(-server.pid!, 'SIGINT');
  await ended;
  t.match(out, '"msg":"drained"');

  const migrations = join(cwd, 'node_modules/synckit-server-uws/src/storage/postgres/migrations');
  await rm(migrations, { recursive: true });
  const broken = npx(['migrate'], { DATABASE_URL: db.url });
  // npm may have something to say of the settings that it finds.
  const sentence = /^(npm warn [^\n]*\n)*the installation is incomplete: it lacks the migrations in [^\n]*\n$/;
  await t.rejects(broken, { code: 1, stderr: sentence });
});
