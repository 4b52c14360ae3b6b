/**
 * Seeded random sessions: clients of every kind that write, remove, disconnect, write offline, send again, twice and
 * out of order, with clocks that are up to an hour wrong, on a server that is restarted and killed meanwhile. At rest
 * all of them, the server, and the server after a restart hold the same.
 *
 * `SEEDS=1000` plays that many sessions on each storage instead of 100, `SEED=7` that one; with `RESTARTS=1` each of
 * them has restarts.
 */
import tap, { test, type Test } from 'tap';
import { seedsToPlay } from '../support/random.js';
import { startServer, type ServerProcess } from '../support/server.js';
import { durableStorages, storageEnv } from '../support/storages.js';
import { freshState, playSession, type SessionServer } from './convergence-session.js';

// tap's own limit is short for a busy machine, and for more seeds.
tap.setTimeout(3_600_000);

/** Seeds of sessions that found something once. */
const pinned: readonly number[] = [726014132, 544924928];
/** Sessions until the server is restarted; the last of them plays alone, and with restarts. */
const ROUND = 25;
const AT_A_TIME = 6;

/** A server that can be restarted on its storage. */
class RestartingServer implements SessionServer {
  #process: ServerProcess;
  readonly #env: NodeJS.ProcessEnv;

  private constructor(process: ServerProcess, env: NodeJS.ProcessEnv) {
    this.#process = process;
    this.#env = env;
  }

  static async start(t: Test, storage: (typeof durableStorages)[number]): Promise<RestartingServer> {
    const env = { ...(await storageEnv(t, storage)), SHUTDOWN_DRAIN_MS: '50', LOG_LEVEL: 'info' };
    const server = new RestartingServer(await startServer(env), env);
    t.teardown(() => server.#process.kill('SIGKILL'));
    return server;
  }

  get url(): string {
    return this.#process.url;
  }

  /** Postgres has no NUL. */
  get oddText(): string {
    return 'DATABASE_URL' in this.#env ? '\u0001"\\' : '\u0000"\\';
  }

  async restart(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const { code } = await this.#process.kill(signal);
    if (signal === 'SIGTERM' && code !== 0) throw new Error(`the server ended with ${code} instead of 0`);
    this.#process = await startServer(this.#env);
  }
}

for (const storage of durableStorages) {
  test(
    `ORD1, SUB1, SUB2, FAN2, ACK4: random sessions end with equal states everywhere (${storage})`,
    { timeout: 3_600_000 },
    async (t) => {
      const server = await RestartingServer.start(t, storage);
      // What happens above the storage is the same for each.
      const seeds = seedsToPlay(pinned, 100);
      for (let i = 0; i < seeds.length; i += ROUND) await playRound(t, server, seeds.slice(i, i + ROUND));
    },
  );
}

async function playRound(t: Test, server: SessionServer, seeds: readonly number[]): Promise<void> {
  const states = new Map<string, string>();
  const play = async (seed: number, restarts: boolean): Promise<void> => {
    const result = await playSession(seed, server, restarts);
    for (const [documentId, state] of result.states) states.set(documentId, state);
    t.strictSame(result.problems, [], `seed ${seed}`, { seed, restarts, story: result.story });
  };
  const always = process.env['RESTARTS'] !== undefined;
  const withRestarts = seeds.filter((_, i) => always || i === ROUND - 1);
  const waiting = seeds.filter((seed) => !withRestarts.includes(seed));
  const playWaiting = async (): Promise<void> => {
    for (let seed = waiting.pop(); seed !== undefined; seed = waiting.pop()) await play(seed, false);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, playWaiting));
  for (const seed of withRestarts) await play(seed, true);

  await server.restart('SIGTERM');
  for (const [documentId, state] of states) {
    t.equal(await freshState(server.url, documentId), state, `${documentId} after a restart`);
  }
}
