/**
 * Seeded random sessions: clients of every kind that write, remove, disconnect, write offline, send again, twice and
 * out of order, with clocks that are up to an hour wrong, on a server that is restarted and killed meanwhile, or on three
 * nodes between which they move. At rest all of them, the servers, and the servers after a restart hold the same.
 *
 * `SEEDS=1000` plays that many sessions instead of 50, `SEED=7` that one; with `RESTARTS=1` each of them has restarts.
 */
import { randomBytes } from 'node:crypto';
import tap, { test, type Test } from 'tap';
import { seedsToPlay } from '../../support/random.js';
import { freshState } from '../../support/parts/fresh-state.js';
import { redisUrl } from '../../support/redis/redis.js';
import { startServer, type ServerProcess } from '../../support/nodes/server.js';
import { storageEnv, type durableStorages } from '../../support/parts/storages.js';
import { playSession, type SessionServer } from './session.js';

// tap's own limit is short for a busy machine, and for more seeds.
tap.setTimeout(3_600_000);
// Each way of publishing has a server of its own.
tap.jobs = 2;

/** Seeds of sessions that found something once. */
const pinned: readonly number[] = [726014132, 544924928];
/** Sessions until the server is restarted; the last of them plays alone, and with restarts. */
const ROUND = 50;
/** Most of a session's time is waiting, in the end for the echoes that come after a pause (ECHO3, ECHO4). */
const AT_A_TIME = 16;

/** One storage, or three nodes that share a database and a Redis. */
type Placement = (typeof durableStorages)[number] | 'three nodes';

/** Nodes that can be restarted on their storage. */
class RestartingNodes implements SessionServer {
  readonly #nodes: { process: ServerProcess; readonly env: NodeJS.ProcessEnv }[] = [];

  static async start(t: Test, placement: Placement, publish: string): Promise<RestartingNodes> {
    const nodes = new RestartingNodes();
    t.teardown(() => Promise.all(nodes.#nodes.map(async ({ process }) => process.kill('SIGKILL'))));
    for (const more of await environments(t, placement)) {
      const env = { ...more, SYNC_PUBLISH: publish, SHUTDOWN_DRAIN_MS: '50', LOG_LEVEL: 'info' };
      nodes.#nodes.push({ process: await startServer(env), env });
    }
    return nodes;
  }

  get urls(): string[] {
    return this.#nodes.map(({ process }) => process.url);
  }

  /** Postgres has no NUL. */
  get oddText(): string {
    return this.#nodes.some(({ env }) => 'DATABASE_URL' in env) ? '\u0001"\\' : '\u0000"\\';
  }

  async restart(place: number, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const node = this.#nodes[place]!;
    const { code } = await node.process.kill(signal);
    if (signal === 'SIGTERM' && code !== 0) throw new Error(`the server ended with ${code} instead of 0`);
    node.process = await startServer(node.env);
  }
}

/** Of each node. */
async function environments(t: Test, placement: Placement): Promise<NodeJS.ProcessEnv[]> {
  if (placement !== 'three nodes') return [await storageEnv(t, placement)];
  const shared = {
    ...(await storageEnv(t, 'postgres')),
    REDIS_URL: await redisUrl(),
    REDIS_CHANNEL_PREFIX: `${randomBytes(6).toString('hex')}:`,
    CLUSTER_COMPARE_INTERVAL: '2000',
    DB_POOL_MAX: '3',
    SHARDS: '1',
  };
  return ['one', 'two', 'three'].map((name) => ({ ...shared, SYNCKIT_NODE_ID: name }));
}

/** The tests of a placement, which has a file of its own. */
export function testPlacement(placement: Placement): void {
  for (const publish of ['merged', 'durable'] as const) {
    test(
      `ORD1, SUB1, SUB2, FAN2, ACK4, DUR1: random sessions end with equal states everywhere (${placement}, ${publish})`,
      { timeout: 3_600_000 },
      async (t) => {
        const server = await RestartingNodes.start(t, placement, publish);
        // What happens above the storage is the same for each.
        const seeds = seedsToPlay(pinned, publish === 'merged' ? 50 : 5);
        for (let i = 0; i < seeds.length; i += ROUND) await playRound(t, server, seeds.slice(i, i + ROUND));
      },
    );
  }
}

async function playRound(t: Test, server: SessionServer, seeds: readonly number[]): Promise<void> {
  const states = new Map<string, string>();
  const play = async (seed: number, restarts: boolean): Promise<void> => {
    const result = await playSession(seed, server, restarts);
    for (const [documentId, state] of result.states) states.set(documentId, state);
    t.strictSame(result.problems, [], `seed ${seed}`, { seed, restarts, story: result.story });
  };
  const always = process.env['RESTARTS'] !== undefined;
  const withRestarts = seeds.filter((_, i) => always || i === seeds.length - 1);
  const waiting = seeds.filter((seed) => !withRestarts.includes(seed));
  const playWaiting = async (): Promise<void> => {
    for (let seed = waiting.pop(); seed !== undefined; seed = waiting.pop()) await play(seed, false);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, playWaiting));
  for (const seed of withRestarts) await play(seed, true);

  for (const node of server.urls.keys()) await server.restart(node, 'SIGTERM');
  for (const [documentId, state] of states) {
    for (const url of server.urls) t.equal(await freshState(url, documentId), state, `${documentId} after a restart`);
  }
}
