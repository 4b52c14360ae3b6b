/** A node of a cluster, with a network of its own to Redis and to Postgres. */
import { LostPublishes } from '../../support/redis/lost-publishes.js';
import { startProxy, type Proxy } from '../../support/network/proxy.js';
import { startServer, type ServerProcess } from '../../support/nodes/server.js';

/** What its nodes share. */
export interface ClusterServers {
  readonly postgresUrl: string;
  readonly redisUrl: string;
}

/** Short, so that a chaos need not last long to outlast them. */
const timeouts = {
  DB_STATEMENT_TIMEOUT: '500',
  SHUTDOWN_DRAIN_MS: '50',
  SHUTDOWN_DEADLINE_MS: '2000',
  CLUSTER_COMPARE_INTERVAL: '1000',
  SYNCKIT_AWARENESS_TIMEOUT_MS: '4000',
};

export class ClusterNode {
  readonly name: string;
  readonly redisProxy: Proxy;
  readonly postgresProxy: Proxy;
  readonly losses: LostPublishes;
  readonly #env: NodeJS.ProcessEnv;
  #process: ServerProcess | undefined;
  /** The address of the process that ran last. */
  #lastUrl = '';

  private constructor(name: string, proxies: readonly [redis: Proxy, postgres: Proxy], losses: LostPublishes) {
    [this.redisProxy, this.postgresProxy] = proxies;
    this.name = name;
    this.losses = losses;
    this.#env = { SYNCKIT_NODE_ID: name, DB_POOL_MAX: '4', ...timeouts };
  }

  static async start(name: string, { postgresUrl, redisUrl }: ClusterServers): Promise<ClusterNode> {
    const losses = new LostPublishes();
    const redis = await startProxy(redisUrl, losses.rewriter);
    const postgres = await startProxy(postgresUrl);
    const node = new ClusterNode(name, [redis, postgres], losses);
    node.#env['REDIS_URL'] = redis.through(redisUrl);
    node.#env['DATABASE_URL'] = postgres.through(postgresUrl);
    await node.#start();
    return node;
  }

  /** Where clients try to reach it; also when nobody is there. */
  get url(): string {
    return this.#lastUrl;
  }

  /** Ends the process and starts it anew; resolves when it listens, for which it needs Postgres. */
  async restart(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    await this.#process?.kill(signal);
    await this.#start();
  }

  /** Halts the process: its connections stay, and nobody answers. */
  freeze(): void {
    this.#process?.child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.child.kill('SIGCONT');
  }

  /** What the present process logged as errors of its own since then, in short. @param since In ms since the epoch. */
  errorsSince(since: number): string[] {
    const lines = this.#process?.log ?? [];
    return lines
      .filter(({ level }) => level === 'error' || level === 'fatal')
      .map(({ time, msg }) => ({ at: Date.parse(time as string) - since, msg }))
      .filter(({ at }) => at >= 0)
      .map(({ at, msg }) => `${at} ms: ${this.name} logged: ${msg}`);
  }

  async stop(): Promise<void> {
    await this.#process?.kill('SIGKILL');
    await this.redisProxy.close();
    await this.postgresProxy.close();
  }

  async #start(): Promise<void> {
    this.#process = await startServer(this.#env);
    this.#lastUrl = this.#process.url;
  }
}
