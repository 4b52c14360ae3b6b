/** A real PgBouncer between a test and a real Postgres. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { requireProgram, searchPath } from '../required-program.js';
import { freePort, until } from '../nodes/server.js';
import { refuseInUnitTest } from '../unit-guard.js';

export interface PgBouncerOptions {
  readonly mode: 'session' | 'transaction' | 'statement';
  /** Connections of the database that it has at most, for each database and user. */
  readonly connections: number;
}

/** A test that is ended from outside leaves none behind. */
const running = new Set<ChildProcess>();
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/**
 * @param url Of the database; it has a password.
 * @returns The same address by way of the pooler, which ends with the test.
 */
export async function pgBouncer(t: Test, url: string, { mode, connections }: PgBouncerOptions): Promise<string> {
  refuseInUnitTest('PgBouncer');
  await requireProgram('pgbouncer', 'pgbouncer', 'PgBouncer');
  const { hostname, port: target, username, password } = new URL(url);
  const folder = await mkdtemp(join(tmpdir(), 'synckit-pgbouncer-'));
  const port = await freePort();
  const file = join(folder, 'pgbouncer.ini');
  await writeFile(join(folder, 'users'), `"${username}" "${decodeURIComponent(password)}"\n`);
  await writeFile(
    file,
    `[databases]
* = host=${hostname} port=${target}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${folder}/users
pool_mode = ${mode}
default_pool_size = ${connections}
max_client_conn = 200
`,
  );
  // It does not run as root.
  await chmod(folder, 0o755);
  const user = userInfo().uid === 0 ? ['-u', 'postgres'] : [];
  const child = spawn('pgbouncer', [...user, file], { stdio: 'ignore', env: { ...process.env, PATH: searchPath } });
  running.add(child);
  const ended = once(child, 'close').then(() => running.delete(child));
  t.teardown(async () => {
    child.kill('SIGKILL');
    await ended;
    await rm(folder, { recursive: true, force: true });
  });
  await until('PgBouncer listens', () => {
    if (child.exitCode !== null) throw new Error(`pgbouncer has ended with ${child.exitCode}`);
    return listens(port);
  });
  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String(port);
  return through.href;
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
