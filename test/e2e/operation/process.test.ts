/** The process as operators meet it: signals, ports, and starts that must not happen. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, connect, type AddressInfo } from 'node:net';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { client, folder, server } from '../../support/nodes/fixture.js';
import { dataFolder, freePort, plainNode, startServer, until } from '../../support/nodes/server.js';
import { packageFolder } from '../../../src/version.js';

const main = fileURLToPath(new URL('../../../src/main.js', import.meta.url));
const quiet = { PATH: process.env['PATH'], HOME: process.env['HOME'], NODE_ENV: 'test', DATABASE_URL: 'memory:' };

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** Runs the server until it ends by itself. */
function run(env: NodeJS.ProcessEnv, how: { uid?: number } = {}) {
  const { status, stdout, stderr } = spawnSync('env', [...plainNode(), main], {
    encoding: 'utf8',
    env: { ...quiet, PORT: '0', HOST: '127.0.0.1', ...env },
    timeout: 60_000,
    ...how,
  });
  return { status, stdout, stderr };
}

test('SIGTERM to npm start drains the server', async (t) => {
  const port = await freePort();
  const env = { ...quiet, PORT: String(port), HOST: '127.0.0.1', SHUTDOWN_DRAIN_MS: '0' };
  const npm = spawn('npm', ['start'], { cwd: packageFolder, env, stdio: ['ignore', 'pipe', 'ignore'], detached: true });
  t.teardown(() => {
    try {
      process.kill(-npm.pid!, 'SIGKILL');
    } catch {
      // It has ended.
    }
  });
  let out = '';
  npm.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  const closed = once(npm, 'close');
  await until('the server to listen', () => out.includes('"msg":"listening"'));
  // To npm alone, as a process manager does.
  npm.kill('SIGTERM');
  await closed;
  await until('the port to be free', async () => !(await answers(`http://127.0.0.1:${port}/health/live`)));
  t.match(out, '"msg":"drained"', 'it drained before it ended');
});

test('SIGTERM ends a start that waits for its database', async (t) => {
  const silent = createServer(() => undefined).listen(0, '127.0.0.1');
  t.teardown(() => silent.close());
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const asked = once(silent, 'connection');
  const env = { ...quiet, DATABASE_URL: `postgres://nobody@127.0.0.1:${port}/none` };
  const child = spawn('env', [...plainNode(), main], { env, stdio: 'ignore' });
  await asked;
  child.kill('SIGTERM');
  t.same(await once(child, 'exit'), [0, null]);
});

test('as process 1, it drains at SIGTERM and ends at once when it must', async (t) => {
  const inNamespace = ['--pid', '--fork', '--kill-child', '--mount-proc'];
  if (spawnSync('unshare', [...inNamespace, 'true']).status !== 0) {
    t.comment('skipped: no right to make a PID namespace (root has it)');
    return;
  }
  const as1 = (env: NodeJS.ProcessEnv, ...args: string[]) =>
    spawn('unshare', [...inNamespace, process.execPath, ...args], { env: { ...quiet, PORT: '0', ...env } });
  const child = as1({ SHUTDOWN_DRAIN_MS: '0' }, main);
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  await until('it to listen', () => out.includes('"msg":"listening"'));
  t.match(out, '"pid":1,');
  const ended = once(child, 'exit');
  // unshare passes no signals on; its only child is process 1.
  const { stdout } = spawnSync('cat', [`/proc/${child.pid}/task/${child.pid}/children`], { encoding: 'utf8' });
  process.kill(Number(stdout.trim()), 'SIGTERM');
  t.same(await ended, [0, null]);
  t.match(out, '"msg":"drained"');

  const signals = new URL('../../../src/start/signals.js', import.meta.url).href;
  const stuck = as1({}, '-e', `import(${JSON.stringify(signals)}).then(({ endAtOnce }) => endAtOnce())`);
  const [code] = (await once(stuck, 'exit')) as [number | null];
  t.not(code, 0, 'a SIGKILL to itself is not enough there');
});

test('a second server on the same port is refused, and the first keeps it', async (t) => {
  const port = String(await freePort());
  const { path, remove } = await dataFolder();
  t.teardown(remove);
  const first = await server(t, { PORT: port, SYNCKIT_DATA_DIR: path });
  const second = run({ PORT: port });
  t.equal(second.status, 1);
  t.match(second.stdout, /taken by another process.*only with REDIS_URL/);
  t.notMatch(second.stdout, /"stack"/, 'a sentence, no stack');
  t.ok(await answers(`${first.http}/health/live`));
  // What is left of its connections does not keep the port.
  await client(t, first);
  await first.kill('SIGKILL');
  const again = await startServer({ PORT: port, SYNCKIT_DATA_DIR: path });
  t.equal(again.port, Number(port));
  await again.kill('SIGKILL');
});

test('why it can not listen is told apart', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  t.teardown(() => other.close());
  await once(other, 'listening');
  const taken = String((other.address() as AddressInfo).port);
  t.match(run({ METRICS_PORT: taken }).stdout, /METRICS_PORT is taken by another process/);
  t.match(run({ HOST: '192.0.2.1' }).stdout, /HOST is no address of this machine/);
  const privileged = spawnSync('sysctl', ['-n', 'net.ipv4.ip_unprivileged_port_start'], { encoding: 'utf8' });
  const nobody = { uid: 65_534 };
  const mayRead = spawnSync('test', ['-r', main], nobody).status === 0;
  if (process.getuid?.() !== 0 || !mayRead || Number(privileged.stdout) <= 80) {
    t.comment('skipped: needs root, a readable checkout, and ports that only root may use');
    return;
  }
  t.match(run({ PORT: '80' }, nobody).stdout, /the process may not use this PORT.*CAP_NET_BIND_SERVICE/);
});

test('HOST may be an IPv6 address in brackets', async (t) => {
  const { port } = await server(t, { HOST: '[::1]', DATABASE_URL: 'memory:' });
  t.ok(await answers(`http://[::1]:${port}/health/live`));
});

test('a head of a request may hold a long token', async (t) => {
  const { http } = await server(t, { DATABASE_URL: 'memory:' });
  const { status } = await fetch(`${http}/health/live`, { headers: { authorization: `Bearer ${'x'.repeat(16_000)}` } });
  t.equal(status, 200);
});

for (const version of ['v18.20.4', 'v20.11.1', 'v26.1.0']) {
  test(`with Node.js ${version} it says in one sentence what to use`, (t) => {
    const fake = `Object.defineProperty(process,"version",{value:"${version}"})`;
    const node = plainNode(`--import=data:text/javascript,${encodeURIComponent(fake)}`);
    for (const program of [[main], [fileURLToPath(new URL('../../../src/cli.js', import.meta.url)), 'check-config']]) {
      const { status, stdout, stderr } = spawnSync('env', [...node, ...program], { encoding: 'utf8', env: quiet });
      t.equal(status, 1);
      t.equal(stderr, `Node.js ${version} can't run this server: use Node.js 22 or 24 (20.12 or newer works too).\n`);
      t.equal(stdout, '');
    }
    t.end();
  });
}

test('the file .env of the present folder is read; what the environment has counts', async (t) => {
  const cwd = await folder(t);
  await writeFile(join(cwd, '.env'), 'PORT=not-a-port\nSHARDS="many"\n');
  const check = (env: NodeJS.ProcessEnv) =>
    spawnSync('env', [...plainNode(), main], { cwd, encoding: 'utf8', env: { ...quiet, PORT: 'x', ...env } }).stderr;
  t.match(check({ NODE_ENV: 'development' }), /PORT must be .*"x"[^]*SHARDS must be .*"many"/);
  t.notMatch(check({}), /SHARDS/, 'not in tests');
});

test('a connection that was never used does not hold up a stop', async (t) => {
  const to = await server(t, { DATABASE_URL: 'memory:', SHUTDOWN_DRAIN_MS: '0' });
  const idle = connect(to.port, '127.0.0.1').on('error', () => undefined);
  t.teardown(() => idle.destroy());
  await once(idle, 'connect');
  t.same(await to.kill('SIGTERM'), { code: 0, signal: null });
});
