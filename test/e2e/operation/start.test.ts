import { spawnSync } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'tap';
import { folder, server } from '../../support/nodes/fixture.js';
import { plainNode } from '../../support/nodes/server.js';

const main = fileURLToPath(new URL('../../../src/main.js', import.meta.url));

interface Outcome {
  readonly status: number | null;
  readonly stderr: string;
  /** The last line of the log. */
  readonly last: { readonly level: string; readonly msg: string; readonly err?: { readonly message: string } };
}

/** Runs the server until it ends by itself. */
function run(env: NodeJS.ProcessEnv, how: { uid?: number } = {}): Outcome {
  const { status, stdout, stderr } = spawnSync('env', [...plainNode(), main], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], PORT: '0', HOST: '127.0.0.1', ...env },
    timeout: 60_000,
    ...how,
  });
  const last = stdout.trim().split('\n').at(-1) ?? '';
  return { status, stderr, last: (last === '' ? {} : JSON.parse(last)) as Outcome['last'] };
}

test('with invalid values it exits with 1 and names each', (t) => {
  const bad = {
    NODE_ENV: 'staging',
    PORT: '99999',
    SHARDS: '0',
    DATABASE_URL: 'mysql://somewhere',
    JWT_SECRET: 'hunter2',
    SYNCKIT_AUTH_REQUIRED: 'perhaps',
    WS_HEARTBEAT_INTERVAL: '1s',
    WS_MAX_PAYLOAD_BYTES: '1MB',
    SYNC_BATCH_SIZE: '-1',
    SYNC_BATCH_DELAY: '1.5',
    SYNCKIT_TRUSTED_PROXIES: '10.0.0.0/99',
    LOG_LEVEL: 'loud',
  };
  const { status, stderr, last } = run(bad);
  t.equal(status, 1);
  for (const name of Object.keys(bad)) t.match(stderr, new RegExp(`^ {2}- ${name} must be `, 'm'));
  t.notMatch(stderr, /hunter2/, 'a secret is not repeated');
  t.same(last, {}, 'nothing was started');
  t.end();
});

test('production does not start without JWT_SECRET, and logs why', (t) => {
  const { status, stderr } = run({ NODE_ENV: 'production', DATABASE_URL: 'memory:' });
  t.equal(status, 1);
  t.match(stderr, /JWT_SECRET must be set when NODE_ENV is production/);
  t.end();
});

test('outside production it logs what it does instead', async (t) => {
  const to = await server(t, { NODE_ENV: 'development', DATABASE_URL: 'memory:' });
  const warnings = to.log.filter(({ level }) => level === 'warn').map(({ msg }) => msg);
  t.match(warnings, [/^JWT_SECRET is not set/, /^Authentication is off/, /lost when the server stops/]);
});

test('with a port in use it exits with 1', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  t.teardown(() => other.close());
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const { status, last } = run({ PORT: String(port), DATABASE_URL: 'memory:' });
  t.equal(status, 1);
  t.match(last, {
    level: 'fatal',
    msg: 'the server could not start',
    err: { message: new RegExp(`127.0.0.1:${port}.*taken`) },
  });
});

test('with an unusable data folder it exits with 1 and names the folder', async (t) => {
  const parent = await folder(t);
  const file = join(parent, 'file');
  await writeFile(file, 'not a folder');
  const closed = join(parent, 'closed');
  await mkdir(closed);
  await chmod(closed, 0o555);
  await chmod(parent, 0o755);
  const cases: [string, string, { uid?: number }, RegExp][] = [
    ['a file in its place', file, {}, /can't be created/],
    ['a file above it', join(file, 'below'), {}, /can't be created/],
    ['where nobody can make files', '/proc', {}, /can't be (opened|written)/],
  ];
  const somebody = process.getuid?.() === 0 ? otherUser() : {};
  if (somebody !== undefined) {
    cases.push(['not ours to write', closed, somebody, /can't be written/]);
    cases.push(['not ours to create', join(closed, 'below'), somebody, /can't be created/]);
  }
  for (const [what, SYNCKIT_DATA_DIR, how, sentence] of cases) {
    const { status, last } = run({ SYNCKIT_DATA_DIR }, how);
    t.equal(status, 1, what);
    t.match(last, { level: 'fatal', msg: 'the server could not start' }, what);
    t.match(last.err?.message, sentence, what);
    t.ok(last.err?.message.includes(SYNCKIT_DATA_DIR), 'it names the folder');
  }
});

/** Root may access everything, so the server runs as another user, if that one may read its files. */
function otherUser(): { uid: number } | undefined {
  const somebody = { uid: 65_534 };
  return spawnSync('test', ['-r', main], somebody).status === 0 ? somebody : undefined;
}
