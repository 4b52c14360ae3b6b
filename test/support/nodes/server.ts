/** Starts the real server as a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { refuseInUnitTest } from '../unit-guard.js';

/** A line of the server's log. */
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [key: string]: unknown;
}

export interface ServerProcess {
  readonly port: number;
  /** `ws://127.0.0.1:<port>/ws` */
  readonly url: string;
  /** `http://127.0.0.1:<port>` */
  readonly http: string;
  readonly pid: number;
  /** Everything logged so far. */
  readonly log: readonly LogLine[];
  /** What it sent to its parent process. */
  readonly messages: readonly unknown[];
  readonly child: ChildProcess;
  /** How the process ended, when it has. */
  readonly ended: Promise<Ending>;
  /** Sends a signal and waits for the end. */
  kill(signal: NodeJS.Signals): Promise<Ending>;
}

/** A code, or the signal that killed the process. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A test that is ended from outside leaves no server behind. */
const running = new Set<ChildProcess>();
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/**
 * Arguments of `env` that run Node. Under tap's own runner, tap gets itself loaded into every process that a test
 * starts, through NODE_OPTIONS; servers are to run as they do elsewhere.
 *
 * @param options What NODE_OPTIONS is to be instead.
 */
export function plainNode(options?: string): string[] {
  return ['-u', 'NODE_OPTIONS', ...(options === undefined ? [] : [`NODE_OPTIONS=${options}`]), process.execPath];
}

const main = fileURLToPath(new URL('../../../src/main.js', import.meta.url));

/**
 * @param env Variables besides a quiet log and a free port; `SYNCKIT_DATA_DIR` should be one of `dataFolder`.
 * @param module What to run instead of the server's main module.
 * @throws When the server ends before it listens; the error holds what it printed.
 */
export async function startServer(env: NodeJS.ProcessEnv = {}, module: string = main): Promise<ServerProcess> {
  refuseInUnitTest('the server');
  const child = spawn('env', [...plainNode(env['NODE_OPTIONS']), module], {
    env: { PATH: process.env['PATH'], PORT: '0', HOST: '127.0.0.1', SHARDS: '2', NODE_ENV: 'test', ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const log: LogLine[] = [];
  const messages: unknown[] = [];
  child.on('message', (message) => messages.push(message));
  let other = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (other += text));
  running.add(child);
  const ended = once(child, 'close').then((ending): Ending => {
    running.delete(child);
    const [code, signal] = ending as [number | null, NodeJS.Signals | null];
    return { code, signal };
  });
  const port = await new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      let entry: LogLine;
      try {
        entry = JSON.parse(line) as LogLine;
      } catch {
        other += `${line}\n`;
        return;
      }
      log.push(entry);
      if (entry.msg === 'listening') resolve(entry['port'] as number);
    });
    void ended.then(({ code }) => {
      reject(new Error(`the server ended with ${code}: ${other}${log.map((l) => JSON.stringify(l)).join('\n')}`));
    });
  });
  return {
    port,
    url: `ws://127.0.0.1:${port}/ws`,
    http: `http://127.0.0.1:${port}`,
    pid: child.pid!,
    log,
    messages,
    child,
    ended,
    async kill(signal) {
      child.kill(signal);
      return ended;
    },
  };
}

/**
 * A port to start a server on twice. One that the system has chosen (PORT=0) can't be taken again for a minute after
 * connections to it broke, and those below its own range are not given to somebody else meanwhile.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const probe = createServer();
    const free = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false)).listen(port, () => resolve(true));
    });
    if (!free) continue;
    probe.close();
    await once(probe, 'close');
    return port;
  }
}

/** A folder for one server's data, and how to remove it. */
export async function dataFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'synckit-'));
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 5 }) };
}

/** Polls until the condition holds. @throws With what was waited for, after a generous time. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 30_000,
): Promise<void> {
  const end = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
