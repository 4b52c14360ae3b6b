/** The tree that the Dockerfile puts into the image, as its user runs it. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { folder, secret } from '../../support/nodes/fixture.js';
import { freePort, plainNode, until } from '../../support/nodes/server.js';
import { packageFolder } from '../../../src/version.js';

test('the runtime tree holds one build of uWebSockets.js, and runs as a user who may write only the data', async (t) => {
  const base = await folder(t);
  await chmod(base, 0o755);
  const tree = join(base, 'runtime');
  const built = spawnSync(process.execPath, [join(packageFolder, 'tools/runtime-tree.mjs'), tree], {
    encoding: 'utf8',
  });
  t.equal(built.status, 0, built.stderr);
  t.match(built.stdout, /A server started from it and drained\./);
  const [, size = ''] = /: (\d+) MiB/.exec(built.stdout) ?? [];
  t.ok(Number(size) > 0 && Number(size) < 60, `${size} MiB`);
  const native = (await readdir(join(tree, 'node_modules/uWebSockets.js'))).filter((name) => name.endsWith('.node'));
  t.strictSame(native, [`uws_${process.platform}_${process.arch}_${process.versions.modules}.node`]);
  t.notOk((await readdir(join(tree, 'node_modules'))).includes('typescript'), 'no dev dependencies');

  const data = join(base, 'data');
  await mkdir(data);
  // Node itself may be where only root can read it.
  const isRoot = process.getuid?.() === 0 && spawnSync(process.execPath, ['-v'], { uid: 1_000 }).status === 0;
  if (isRoot) await chown(data, 1_000, 1_000);
  const port = String(await freePort());
  const env = {
    ...{ PATH: process.env['PATH'], PORT: port, HOST: '127.0.0.1', SYNCKIT_DATA_DIR: data, SHUTDOWN_DRAIN_MS: '0' },
    ...{ NODE_ENV: 'production', JWT_SECRET: secret },
  };
  const user = isRoot ? { uid: 1_000, gid: 1_000 } : {};
  const server = spawn('env', [...plainNode(), 'dist/src/main.js'], { cwd: tree, env, ...user });
  t.teardown(() => server.kill('SIGKILL'));
  let out = '';
  server.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  await until('the server to listen', () => out.includes('"msg":"listening"'));
  const health = (of: string) =>
    spawnSync('env', [...plainNode(), 'tools/health.mjs'], { cwd: tree, env: { ...env, PORT: of } }).status;
  t.equal(health(port), 0, 'the check of the image');
  t.equal(health(String(await freePort())), 1);
  server.kill('SIGTERM');
  t.same(await once(server, 'exit'), [0, null]);
});
