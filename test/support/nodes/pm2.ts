/** The server under a PM2 of its own, as `npm run cluster` starts it. */
import { execFile } from 'node:child_process';
import { readFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import type { Test } from 'tap';
import { z } from 'zod';
import { packageFolder } from '../../../src/version.js';
import { until, type LogLine } from './server.js';

const run = promisify(execFile);
const cli = createRequire(import.meta.url).resolve('pm2/bin/pm2');

const listSchema = z.array(
  z.object({ pid: z.number(), pm2_env: z.object({ NODE_APP_INSTANCE: z.number(), status: z.string() }) }),
);

/** A process as PM2 lists it. */
export interface Pm2Process {
  readonly pid: number;
  readonly instance: number;
  readonly status: string;
}

/** A test that is ended from outside leaves no daemon behind; its processes end when it does. */
const daemons = new Set<number>();
process.once('exit', () => daemons.forEach((pid) => process.kill(pid, 'SIGKILL')));

export class Pm2 {
  readonly #home: string;
  readonly #env: NodeJS.ProcessEnv;
  #daemon = 0;

  private constructor(home: string, env: NodeJS.ProcessEnv) {
    this.#home = home;
    // Nothing of the user's own PM2, and nothing that a test runner puts into the environment.
    const quiet = { PM2_DISCRETE_MODE: 'true', PM2_DISABLE_VERSION_CHECK: 'true' };
    // Only the marks by which test/run.mjs finds a daemon that was left behind.
    const marks = Object.entries(process.env).filter(([name]) => name.startsWith('TEST_GROUP_'));
    const own = { PATH: process.env['PATH'], HOME: home, PM2_HOME: home };
    this.#env = { ...Object.fromEntries(marks), ...own, ...quiet, ...env };
  }

  /**
   * Starts what ecosystem.config.cjs describes; resolves when all processes are ready. All is ended with the test.
   *
   * @param env Variables of the server, and WEB_CONCURRENCY.
   */
  static async start(t: Test, env: NodeJS.ProcessEnv): Promise<Pm2> {
    const pm2 = await Pm2.attach(t, env);
    await pm2.startOrReload();
    return pm2;
  }

  /** The same, but nothing is started yet. */
  static async attach(t: Test, env: NodeJS.ProcessEnv): Promise<Pm2> {
    const pm2 = new Pm2(await mkdtemp(join(tmpdir(), 'synckit-pm2-')), env);
    t.teardown(() => pm2.#end());
    return pm2;
  }

  /** The environment of PM2 and of the server. */
  get env(): NodeJS.ProcessEnv {
    return this.#env;
  }

  /** Resolves when the new processes are ready and the old ones have ended. */
  async startOrReload(env: NodeJS.ProcessEnv = {}): Promise<void> {
    await this.#command(env, 'startOrReload', 'ecosystem.config.cjs', '--update-env');
    await this.#note();
  }

  /** In the order of their instance numbers. */
  async list(): Promise<Pm2Process[]> {
    const found = listSchema.parse(JSON.parse(await this.#command({}, 'jlist')));
    await this.#note();
    return found
      .map(({ pid, pm2_env }) => ({ pid, instance: pm2_env.NODE_APP_INSTANCE, status: pm2_env.status }))
      .sort((a, b) => a.instance - b.instance);
  }

  /** Everything that the processes with this instance number have logged. */
  async log(instance: number): Promise<LogLine[]> {
    const text = await readFile(join(this.#home, 'logs', `synckit-out-${instance}.log`), 'utf8');
    const lines = text.split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line) as LogLine);
  }

  async #note(): Promise<void> {
    this.#daemon = Number(await readFile(join(this.#home, 'pm2.pid'), 'utf8'));
    daemons.add(this.#daemon);
  }

  async #command(env: NodeJS.ProcessEnv, ...args: string[]): Promise<string> {
    try {
      const options = { cwd: packageFolder, env: { ...this.#env, ...env }, maxBuffer: 16 * 1024 ** 2 };
      return (await run(process.execPath, [cli, ...args], options)).stdout;
    } catch (error) {
      const said = await readFile(join(this.#home, 'pm2.log'), 'utf8').catch(() => '');
      throw new Error(`pm2 ${args[0] ?? ''} failed: ${said}`, { cause: error });
    }
  }

  async #end(): Promise<void> {
    const pids = (await this.list().catch(() => [])).map(({ pid }) => pid).filter((pid) => pid > 0);
    await this.#command({}, 'kill').catch(() => undefined);
    if (this.#daemon > 0) pids.push(this.#daemon);
    await until('PM2 and its processes to end', () => !pids.some(isAlive)).catch(() => {
      for (const pid of pids.filter(isAlive)) process.kill(pid, 'SIGKILL');
    });
    daemons.delete(this.#daemon);
    await rm(this.#home, { recursive: true, force: true, maxRetries: 5 });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
