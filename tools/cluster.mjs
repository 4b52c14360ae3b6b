/**
 * `npm run cluster`: starts the server under PM2, or replaces its processes by new ones. Before PM2 is told anything, the
 * configuration is checked against database, Redis and port, and a process that serves nobody has to start. It ends with 0
 * when every process of PM2 is ready, otherwise with 1 and a sentence; what ran before then runs on.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const root = join(import.meta.dirname, '..');
const require = createRequire(import.meta.url);
const main = join(root, 'dist/src/main.js');
const cli = join(root, 'dist/src/cli.js');
const POLL_MS = 250;

if (!existsSync(main)) fail('The server is not built: run npm run build.');
const [app] = require(join(root, 'ecosystem.config.cjs')).apps;
const pm2 = findPm2();

const before = list();
check(before.length > 0);
await rehearse();
// What PM2 keeps of processes that failed stands in the way of new ones.
const dead = before.filter(({ pm2_env, pid }) => pm2_env.status !== 'online' || pid === 0);
for (const { pm_id } of dead) pm2Command('delete', String(pm_id));
const code = pm2Command('startOrReload', join(root, 'ecosystem.config.cjs'), '--update-env').status;
if (code !== 0) fail(`pm2 ended with ${code}.`);
await allReady(new Set(before.map(({ pid }) => pid)));

function check(mayReplace) {
  const replace = mayReplace ? ['--port-in-use'] : [];
  const { status } = spawnSync(process.execPath, [cli, 'check-config', '--connect', ...replace], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) fail('Nothing was started or replaced.');
}

/** One process more, on any free port, which ends as soon as it is ready. */
async function rehearse() {
  const env = { ...process.env, PORT: '0', METRICS_PORT: '0', SHUTDOWN_DRAIN_MS: '0', NODE_APP_INSTANCE: '9999' };
  const child = spawn(process.execPath, [main], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
  child.on('message', (message) => message === 'ready' && child.kill('SIGTERM'));
  const status = await new Promise((resolve) => child.once('close', resolve));
  if (status === 0) return;
  process.stderr.write(said);
  fail(`A process started to try the configuration ended with ${status}: nothing was started or replaced.`);
}

/** Each process tells PM2 when it is ready, with its id. */
async function allReady(replaced) {
  const end = Date.now() + app.listen_timeout + app.kill_timeout;
  for (;;) {
    const processes = list();
    const ready = processes.filter(
      ({ pid, pm2_env }) =>
        pm2_env.status === 'online' && !replaced.has(pid) && pm2_env.axm_monitor?.['Ready pid']?.value === pid,
    );
    if (ready.length === app.instances && processes.length === app.instances) {
      console.log(`${ready.length} ${ready.length === 1 ? 'process is' : 'processes are'} ready.`);
      return;
    }
    if (Date.now() > end) {
      const states = processes.map(({ pm_id, pid, pm2_env }) => `${pm_id}: pid ${pid}, ${pm2_env.status}`).join('; ');
      fail(`Not all ${app.instances} processes became ready (${states}). Why: pm2 logs ${app.name}`);
    }
    await sleep(POLL_MS);
  }
}

function list() {
  const { stdout } = spawnSync(process.execPath, [pm2, 'jlist'], { ...quiet(), maxBuffer: 64 * 1024 ** 2 });
  const json = stdout.split('\n').findLast((line) => line.startsWith('['));
  if (json === undefined) fail(`pm2 lists nothing: ${stdout}`);
  return JSON.parse(json).filter(({ name }) => name === app.name);
}

function pm2Command(...args) {
  return spawnSync(process.execPath, [pm2, ...args], { ...quiet(), stdio: 'inherit' });
}

function quiet() {
  const env = { ...process.env, PM2_DISCRETE_MODE: 'true', PM2_DISABLE_VERSION_CHECK: 'true' };
  return { cwd: root, env, encoding: 'utf8' };
}

/** That of the checkout, or one that is installed globally. */
function findPm2() {
  try {
    return require.resolve('pm2/bin/pm2');
  } catch {
    const { stdout } = spawnSync('npm', ['root', '--global'], { encoding: 'utf8' });
    const path = join(stdout.trim(), 'pm2/bin/pm2');
    return existsSync(path) ? path : fail('PM2 is not installed: npm install --global pm2');
  }
}

function fail(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}
