/** Real Redis servers, each a process of its own: one, or a cluster of three. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { requireProgram } from '../required-program.js';
import { freePort, until } from '../nodes/server.js';
import { refuseInUnitTest } from '../unit-guard.js';

const run = promisify(execFile);

export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** Kills the process without a warning; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again after `kill`, on the same port and with nothing in it. */
  restart(): Promise<void>;
  /** Halts the process (`SIGSTOP`): connections stay, and nobody answers. */
  freeze(): void;
  thaw(): void;
  /** Kills it and removes what it left. */
  stop(): Promise<void>;
}

/** A test that is ended from outside leaves no server behind. */
const running = new Set<ChildProcess>();
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** @param flags Of `redis-server`, such as `--requirepass secret`. */
export async function startRedis(flags: readonly string[] = [], port?: number): Promise<RedisServer> {
  refuseInUnitTest('Redis');
  await requireProgram('redis-server', 'redis-server', 'redis-server 7, or REDIS_URL');
  const own = port ?? (await freePort());
  const folder = await mkdtemp(join(tmpdir(), 'synckit-redis-'));
  let child: ChildProcess;
  let ended: Promise<unknown>;
  const start = async (): Promise<void> => {
    const settings = [
      '--port',
      String(own),
      '--bind',
      '127.0.0.1',
      '--dir',
      folder,
      '--save',
      '',
      '--appendonly',
      'no',
    ];
    child = spawn('redis-server', [...settings, ...flags], { stdio: 'ignore' });
    running.add(child);
    ended = once(child, 'close').then(() => running.delete(child));
    await until('Redis answers', () => {
      if (child.exitCode !== null) throw new Error(`redis-server has ended with ${child.exitCode}`);
      return answers(own);
    });
  };
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  await start();
  return {
    port: own,
    url: `redis://127.0.0.1:${own}`,
    kill,
    restart: start,
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async stop() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A Redis Cluster of three masters. */
export interface RedisCluster {
  readonly servers: readonly RedisServer[];
  /** Of the first server. */
  readonly url: string;
  /** Moves a slot to another master, with the channels that are in it. */
  moveSlot(slot: number, to: RedisServer): Promise<void>;
  stop(): Promise<void>;
}

export async function startRedisCluster(): Promise<RedisCluster> {
  const servers: RedisServer[] = [];
  while (servers.length < 3) {
    // The servers talk to each other on a port that is greater by 10 000, which should be below the system's own range.
    const port = await freePort();
    if (port > 22_700) continue;
    const flags = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'];
    servers.push(await startRedis([...flags, '--cluster-require-full-coverage', 'no'], port));
  }
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
  await run('redis-cli', ['--cluster', 'create', ...addresses, '--cluster-replicas', '0', '--cluster-yes']);
  for (const { port } of servers) {
    await until('the cluster is ready', async () => (await ask(port, 'CLUSTER', 'INFO')).includes('cluster_state:ok'));
  }
  return {
    servers,
    url: servers[0]!.url,
    async moveSlot(slot, to) {
      const id = (await ask(to.port, 'CLUSTER', 'MYID')).trim();
      // What the former master has said before must not count more than what the new one says.
      await ask(to.port, 'CLUSTER', 'BUMPEPOCH');
      for (const { port } of servers) await ask(port, 'CLUSTER', 'SETSLOT', String(slot), 'NODE', id);
    },
    async stop() {
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}

/** Gives a server a command and returns what it answers. */
export async function ask(port: number, ...command: string[]): Promise<string> {
  return (await run('redis-cli', ['-h', '127.0.0.1', '-p', String(port), ...command])).stdout;
}

/** Whether it answers at all, were it only to ask for a password. */
async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    socket.write('PING\r\n');
    await once(socket, 'data');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
