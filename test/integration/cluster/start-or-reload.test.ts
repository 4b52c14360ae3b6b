/** `npm run cluster` with settings that can not work: what runs goes on, and the repair is the same command. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import tap, { test, type Test } from 'tap';
import { folder } from '../../support/nodes/fixture.js';
import { Pm2 } from '../../support/nodes/pm2.js';
import { database } from '../../support/postgres/postgres.js';
import { redisUrl } from '../../support/redis/redis.js';
import { freePort } from '../../support/nodes/server.js';
import { packageFolder } from '../../../src/version.js';

tap.setTimeout(300_000);

async function ask(port: number): Promise<number> {
  return (await fetch(`http://127.0.0.1:${port}/health/ready`)).status;
}

async function cluster(t: Test) {
  const port = await freePort();
  const settings = {
    PORT: String(port),
    HOST: '127.0.0.1',
    NODE_ENV: 'test',
    DATABASE_URL: (await database(t)).url,
    REDIS_URL: await redisUrl(),
    REDIS_CHANNEL_PREFIX: `start-${process.pid}:`,
    WEB_CONCURRENCY: '2',
    SHUTDOWN_DRAIN_MS: '0',
  };
  return { port, settings, pm2: await Pm2.attach(t, settings) };
}

/** Runs the script as `npm run cluster` does. */
function startOrReload(pm2: Pm2, env: NodeJS.ProcessEnv) {
  return new Promise<{ code: number; out: string }>((resolve) => {
    const options = { cwd: packageFolder, env: { ...pm2.env, ...env } };
    execFile(process.execPath, [join(packageFolder, 'tools/cluster.mjs')], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), out: stdout + stderr });
    });
  });
}

test('a start, refused reloads and the repair', async (t) => {
  const { port, settings, pm2 } = await cluster(t);
  const first = await startOrReload(pm2, {});
  t.equal(first.code, 0, first.out);
  t.match(first.out, /2 processes are ready\./);
  const before = await pm2.list();
  t.match(before, [{ status: 'online' }, { status: 'online' }]);

  const wrong: [string, NodeJS.ProcessEnv, RegExp][] = [
    ['a database that is not there', { DATABASE_URL: 'postgres://x@127.0.0.1:1/x' }, /DATABASE_URL can't be used/],
    ['a Redis that is not there', { REDIS_URL: 'redis://127.0.0.1:1' }, /REDIS_URL can't be used: .*ECONNREFUSED/],
    ['an address of another machine', { HOST: '192.0.2.1' }, /HOST is no address of this machine/],
    ['a bad value', { SHARDS: 'many' }, /SHARDS must be/],
    ['what only a start shows', { JWT_PUBLIC_KEY_FILE: '/nowhere' }, /\/nowhere/],
  ];
  for (const [what, env, sentence] of wrong) {
    const { code, out } = await startOrReload(pm2, env);
    t.equal(code, 1, what);
    t.match(out, sentence, what);
    t.match(out, /[Nn]othing was started or replaced/, what);
    t.strictSame(await pm2.list(), before, 'what ran runs on');
    t.equal(await ask(port), 200);
  }

  // As a deployment did it that told PM2 without trying: no process is left that works.
  await pm2.startOrReload({ DATABASE_URL: 'postgres://x@127.0.0.1:1/x', DB_CONNECT_TIMEOUT: '100' });
  const repaired = await startOrReload(pm2, settings);
  t.equal(repaired.code, 0, repaired.out);
  const after = await pm2.list();
  t.match(after, [{ status: 'online' }, { status: 'online' }]);
  t.equal(await ask(port), 200);
  const [{ pid: known } = { pid: 0 }] = before;
  t.notOk(after.some(({ pid }) => pid === known));
});

test('a port of somebody else is noticed before the first start', async (t) => {
  const { settings, pm2 } = await cluster(t);
  const { createServer } = await import('node:http');
  const other = createServer().listen(Number(settings.PORT), '127.0.0.1');
  t.teardown(() => other.close());
  const { code, out } = await startOrReload(pm2, { SYNCKIT_DATA_DIR: await folder(t) });
  t.equal(code, 1);
  t.match(out, /PORT is taken by another process/);
});
