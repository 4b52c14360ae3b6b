/** A real Redis master with its replica, and Sentinels that watch them. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { ask, startRedis, type RedisServer } from './redis-server.js';
import { freePort, until } from '../nodes/server.js';

export interface RedisPair {
  readonly first: RedisServer;
  readonly second: RedisServer;
  /** Makes the replica the master and the master its replica. Connections to both stay open. */
  swap(): Promise<void>;
}

/** The first is the master; ends with the test. */
export async function redisPair(t: Test): Promise<RedisPair> {
  const first = await startRedis(['--repl-diskless-sync-delay', '0']);
  t.teardown(() => first.stop());
  const second = await startRedis(['--repl-diskless-sync-delay', '0', '--replicaof', `127.0.0.1 ${first.port}`]);
  t.teardown(() => second.stop());
  await until('the replica is in sync', async () => (await roleOf(second)).includes('connected'));
  let [master, replica] = [first, second];
  return {
    first,
    second,
    async swap() {
      await ask(replica.port, 'REPLICAOF', 'NO', 'ONE');
      await ask(master.port, 'REPLICAOF', '127.0.0.1', String(replica.port));
      [master, replica] = [replica, master];
    },
  };
}

export interface Sentinel {
  /** `host:port` */
  readonly address: string;
  readonly port: number;
  /** Halts the process: connections stay, and nobody answers. */
  freeze(): void;
}

/** The name under which the Sentinels of the tests watch a master. */
export const masterName = 'tested';

/** A test that is ended from outside leaves no Sentinel behind. */
const running = new Set<ChildProcess>();
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** Sentinels that watch a master, each knowing the others; one of them may decide. They end with the test. */
export async function sentinels(t: Test, master: RedisServer, count: number): Promise<Sentinel[]> {
  const all = await Promise.all(Array.from({ length: count }, () => startSentinel(t, master)));
  for (const { port } of all) {
    await until('a Sentinel knows the replica and the others', async () => {
      const facts = await ask(port, 'SENTINEL', 'MASTER', masterName);
      return factOf(facts, 'num-slaves') === '1' && factOf(facts, 'num-other-sentinels') === String(count - 1);
    });
  }
  return all;
}

/** Has a Sentinel make the replica the master, as when the master fails. */
export async function failOver({ port }: Sentinel, to: RedisServer): Promise<void> {
  await until('the failover begins', async () =>
    (await ask(port, 'SENTINEL', 'FAILOVER', masterName)).startsWith('OK'),
  );
  await until('the failover is done', async () => (await roleOf(to)).startsWith('master'), 60_000);
}

/** What a server answers to ROLE; begins with `master` or `slave`. Nothing where a Sentinel has closed the connection. */
export async function roleOf({ port }: RedisServer): Promise<string> {
  return ask(port, 'ROLE').catch(() => '');
}

async function startSentinel(t: Test, master: RedisServer): Promise<Sentinel> {
  const folder = await mkdtemp(join(tmpdir(), 'synckit-sentinel-'));
  const port = await freePort();
  const file = join(folder, 'sentinel.conf');
  const watch = `sentinel monitor ${masterName} 127.0.0.1 ${master.port} 1
sentinel down-after-milliseconds ${masterName} 1000
sentinel failover-timeout ${masterName} 5000`;
  await writeFile(file, `port ${port}\nbind 127.0.0.1\ndir ${folder}\n${watch}\n`);
  const child = spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' });
  running.add(child);
  const ended = once(child, 'close').then(() => running.delete(child));
  t.teardown(async () => {
    child.kill('SIGKILL');
    await ended;
    await rm(folder, { recursive: true, force: true });
  });
  await until('the Sentinel answers', async () => (await ask(port, 'PING').catch(() => '')).startsWith('PONG'));
  return { address: `127.0.0.1:${port}`, port, freeze: () => void child.kill('SIGSTOP') };
}

/** Of names and values in turn, one a line. */
function factOf(lines: string, name: string): string | undefined {
  const all = lines.split('\n');
  return all[all.indexOf(name) + 1];
}
