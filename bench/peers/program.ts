/** Programs of others: where they are installed, and how they are started. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../test/support/nodes/server.js';

/** How long a program may take to listen, in ms. */
const START_MS = 60_000;
/** Bytes of its output that are kept for the error. */
const KEPT_OUTPUT = 4_000;

/** Where a program is installed: `PEERS_CACHE`, or the cache folder of the user. Nothing of it lies in the repository. */
export function installationOf(name: string): string {
  const { PEERS_CACHE, XDG_CACHE_HOME } = process.env;
  return join(PEERS_CACHE ?? join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'synckit-bench'), name);
}

/** Runs an installer and shows what it prints. @throws When it fails. */
export function install(program: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): void {
  console.log(`${program} ${args.join(' ')} (in ${cwd})`);
  const { status } = spawnSync(program, args, { cwd, stdio: 'inherit', env: { ...process.env, ...env } });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status ?? 'a signal'}`);
}

/** A program that listens on a port of the loopback interface. */
export class Program {
  readonly pid: number;
  readonly port: number;
  readonly #child: ChildProcess;
  #output = '';
  #hasEnded = false;

  private constructor(command: readonly string[], port: number, env: NodeJS.ProcessEnv) {
    const [program = '', ...args] = command;
    this.#child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    this.pid = this.#child.pid ?? 0;
    this.port = port;
    const keep = (text: string): void => {
      this.#output = (this.#output + text).slice(-KEPT_OUTPUT);
    };
    this.#child.stdout?.setEncoding('utf8').on('data', keep);
    this.#child.stderr?.setEncoding('utf8').on('data', keep);
    this.#child.once('error', (error) => keep(error.message));
    this.#child.once('close', () => (this.#hasEnded = true));
  }

  /** @throws With its last output, when it does not listen. */
  static async start(command: readonly string[], port: number, env: NodeJS.ProcessEnv = {}): Promise<Program> {
    const program = new Program(command, port, env);
    process.once('exit', () => program.#child.kill('SIGKILL'));
    try {
      await until(`${command.join(' ')} to listen`, async () => program.#hasEnded || isTaken(port), START_MS);
      if (program.#hasEnded) throw new Error(`${command.join(' ')} has ended`);
    } catch (error) {
      await program.stop();
      throw new Error(`${String(error)}: ${program.#output}`, { cause: error });
    }
    return program;
  }

  /** Kills it. */
  async stop(): Promise<void> {
    if (this.#hasEnded) return;
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await closed;
  }
}

async function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
