import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { test, type Test } from 'tap';
import { loadConfig } from '../src/config/load.js';
import { packageFolder } from '../src/version.js';

/** What PM2 is told when the environment is this. */
function application(env: NodeJS.ProcessEnv): Record<string, unknown> {
  const print = 'JSON.stringify(require("./ecosystem.config.cjs").apps)';
  const options = { cwd: packageFolder, env: { PATH: process.env['PATH'], ...env }, encoding: 'utf8' as const };
  const [app] = JSON.parse(execFileSync(process.execPath, ['-p', print], { ...options, stdio: 'pipe' })) as [
    Record<string, unknown>,
  ];
  return app;
}

function refuses(t: Test, env: NodeJS.ProcessEnv, words: RegExp): void {
  t.throws(() => application(env), { message: words });
}

test('PM2 starts a new process before it ends the old one only where they hear each other', (t) => {
  const bus = { REDIS_URL: 'redis://host' };
  t.match(application({}), { exec_mode: 'fork', instances: 1 });
  t.match(application(bus), { exec_mode: 'cluster', instances: Math.max(1, Math.floor(availableParallelism() / 2)) });
  t.match(application({ ...bus, WEB_CONCURRENCY: '1' }), { exec_mode: 'cluster', instances: 1 });
  t.match(application({ WEB_CONCURRENCY: '3' }), { exec_mode: 'cluster', instances: 3 });
  refuses(t, { WEB_CONCURRENCY: '0' }, /WEB_CONCURRENCY must be a whole number/);
  refuses(t, { WEB_CONCURRENCY: 'max' }, /WEB_CONCURRENCY must be a whole number/);
  t.end();
});

test('PM2 waits for longer than the server does', (t) => {
  const { storage, drainDeadlineMs } = loadConfig({ DATABASE_URL: 'postgres://host/d' });
  if (storage.kind !== 'postgres') throw new Error('it is Postgres');
  const app = application({});
  t.ok((app['kill_timeout'] as number) > drainDeadlineMs, 'for the end of a drain');
  t.ok((app['listen_timeout'] as number) > storage.connectTimeoutMs, 'for the database at a start');
  const given = application({ SHUTDOWN_DEADLINE_MS: '70000', DB_CONNECT_TIMEOUT: '90000' });
  t.ok((given['kill_timeout'] as number) > 70_000);
  t.ok((given['listen_timeout'] as number) > 90_000);
  refuses(t, { SHUTDOWN_DEADLINE_MS: 'soon' }, /SHUTDOWN_DEADLINE_MS must be a whole number/);
  t.end();
});
