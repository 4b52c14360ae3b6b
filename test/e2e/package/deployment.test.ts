/** What an operator does with the package, in the order of docs/deployment.md and docs/operations/. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEnv, promisify } from 'node:util';
import tap, { test, type Test } from 'tap';
import { folder } from '../../support/nodes/fixture.js';
import { block, commandsOf } from '../../support/pages.js';
import { database } from '../../support/postgres/postgres.js';
import { redisUrl } from '../../support/redis/redis.js';
import { freePort, until } from '../../support/nodes/server.js';
import { packageFolder } from '../../../src/version.js';

tap.setTimeout(600_000);

const run = promisify(execFile);
const base = { PATH: process.env['PATH'], HOME: process.env['HOME'] };

/** What `npm pack` makes. */
async function tarball(to: string): Promise<string> {
  const args = ['pack', '--silent', '--ignore-scripts', '--pack-destination', to];
  const { stdout } = await run('npm', args, { cwd: packageFolder, env: base });
  return join(to, stdout.trim());
}

/** A host: a folder for each version, one for settings, and one for data. */
async function host(t: Test, settings: NodeJS.ProcessEnv) {
  const at = await folder(t);
  const env = { NODE_ENV: 'production', HOST: '127.0.0.1', PORT: String(await freePort()), ...settings };
  const file = join(at, 'synckit.env');
  await writeFile(
    file,
    Object.entries(env)
      .map(([name, value]) => `${name}='${value}'\n`)
      .join(''),
  );
  const app = join(at, 'opt');
  await mkdir(app);
  await writeFile(join(app, 'package.json'), '{ "private": true }');
  const install = ['install', '--prefer-offline', '--no-audit', '--no-fund', await tarball(at)];
  await run('npm', install, { cwd: app, env: base });
  const url = `http://127.0.0.1:${env.PORT}`;
  /** A command line in the folder of the package, with the settings of the unit. */
  const sh = async (line: string, more: NodeJS.ProcessEnv = {}) =>
    run('sh', ['-euc', line], { cwd: app, env: { ...base, ...parseEnv(await readFile(file, 'utf8')), ...more } });
  return { at, app, file, url, sh };
}

/** A process as the unit of docs/deployment.md starts it. */
class Unit {
  readonly child: ChildProcess;
  out = '';

  private constructor(child: ChildProcess) {
    this.child = child;
    const add = (text: string) => (this.out += text);
    child.stdout?.setEncoding('utf8').on('data', add);
    child.stderr?.setEncoding('utf8').on('data', add);
  }

  /** @param app Where the package is installed. @param file Its EnvironmentFile. */
  static async start(t: Test, app: string, file: string, instance = 0): Promise<Unit> {
    const unit = block('docs/deployment.md', 'ini', 'ExecStart');
    const line = (name: string) => new RegExp(`^${name}=(.+)$`, 'm').exec(unit)?.[1] ?? '';
    const environment = line('Environment').replaceAll('%i', String(instance)).replaceAll(' ', '\n');
    const [program, ...args] = line('ExecStart').split(' ');
    t.equal(program, '/usr/bin/node');
    const env = { ...base, ...parseEnv(await readFile(file, 'utf8')), ...parseEnv(environment) };
    const cwd = join(app, 'node_modules/synckit-server-uws');
    const started = new Unit(spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] }));
    t.teardown(() => started.child.kill('SIGKILL'));
    await until('the unit to listen', () => started.out.includes('"msg":"listening"'), 120_000).catch(() =>
      t.fail(started.out),
    );
    return started;
  }

  /** As `systemctl stop` does. */
  async stop(t: Test): Promise<void> {
    const closed = once(this.child, 'close');
    this.child.kill('SIGTERM');
    t.strictSame(await closed, [0, null], this.out);
    t.match(this.out, '"msg":"drained"');
  }
}

async function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/health/ready`).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** Reads and writes the title of a document. */
function documentAt(url: string, token: string) {
  const headers = { Authorization: `Bearer ${token.trim()}`, 'Content-Type': 'application/merge-patch+json' };
  return {
    write: async (title: string) => {
      const answer = await fetch(`${url}/documents/notes`, {
        method: 'PATCH',
        headers,
        body: JSON.stringify({ title }),
      });
      if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    },
    read: async () => (await fetch(`${url}/documents/notes`, { headers })).text(),
  };
}

test('one host: settings, start, metrics, backup, stop, upgrade, restore', async (t) => {
  const secrets = { JWT_SECRET: 'j'.repeat(48), METRICS_TOKEN: 'm'.repeat(32), SHUTDOWN_DRAIN_MS: '0' };
  const { at, app, file, url, sh } = await host(t, secrets);
  const data = join(at, 'data');
  await writeFile(file, `${await readFile(file, 'utf8')}SYNCKIT_DATA_DIR='${data}'\n`);
  t.match((await sh('npx synckit-server check-config --connect')).stdout, /^The configuration is usable/);
  const { stdout: token } = await sh("npx synckit-server token --user ann --read '*' --write notes");

  const first = await Unit.start(t, app, file);
  await until('readiness', () => isReady(url));
  t.equal((await fetch(`${url}/metrics`)).status, 401, 'metrics are for those with the token');
  const metrics = await fetch(`${url}/metrics`, { headers: { Authorization: `Bearer ${secrets.METRICS_TOKEN}` } });
  t.match(await metrics.text(), /^synckit_node_info\{/m);
  const notes = documentAt(url, token);
  await notes.write('before the backup');

  const place = (command: string) => command.replaceAll('/var/lib/synckit', data);
  const shown = block('docs/operations/backup.md', 'console', 'backup --to');
  const [backup = '', list = ''] = commandsOf(shown).map(place);
  t.match((await sh(backup)).stdout, /^backups\/[\d-]+: 1 documents, 1 fields/);
  t.same((await sh(list)).stdout.trim().split('\n'), shown.trim().split('\n').at(-1)?.split('  '));
  await notes.write('after the backup');
  await first.stop(t);

  const newer = join(at, 'opt-newer');
  await cp(app, newer, { recursive: true, verbatimSymlinks: true });
  const second = await Unit.start(t, newer, file);
  t.match(await notes.read(), 'after the backup', 'the new version has what the old one acknowledged');
  const restores = commandsOf(block('docs/operations/backup.md', 'console', 'restore --from'));
  const [careful = '', forced = ''] = restores;
  await t.rejects(sh(forced), { code: 1 }, 'a storage that is in use is not replaced');
  await second.stop(t);
  await t.rejects(sh(careful), { code: 1, stderr: /--force restores the backup, and moves the present one aside/ });
  t.match((await sh(forced)).stdout, /restored the backup of/);
  const third = await Unit.start(t, newer, file);
  t.match(await notes.read(), 'before the backup');
  await third.stop(t);
});

test('two units of a host, on Postgres and Redis, are restarted one after the other', async (t) => {
  const { app, file, url, sh } = await host(t, {
    JWT_SECRET: 'j'.repeat(48),
    DATABASE_URL: (await database(t)).url,
    REDIS_URL: await redisUrl(),
    REDIS_CHANNEL_PREFIX: `deployment-${process.pid}:`,
    SHUTDOWN_DRAIN_MS: '0',
  });
  t.match((await sh('npx synckit-server migrate')).stdout, /001_documents applied/);
  t.match((await sh('npx synckit-server check-config --connect')).stdout, /^The configuration is usable/);
  const units = [await Unit.start(t, app, file, 0), await Unit.start(t, app, file, 1)];
  const { stdout: token } = await sh("npx synckit-server token --user ann --read '*' --write notes");
  const notes = documentAt(url, token);
  await notes.write('by anyone');
  for (const instance of [0, 1]) {
    await units[instance]!.stop(t);
    await until('the other unit to answer', () => isReady(url));
    t.match(await notes.read(), 'by anyone');
    units[instance] = await Unit.start(t, app, file, instance);
  }
  for (const unit of units) await unit.stop(t);
});
