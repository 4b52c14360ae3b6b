/** Discovers the masters of a Redis Cluster, periodically and on request. */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { serverName, type RedisAddress } from './address.js';
import { RedisConnection } from './connection.js';
import { readSlots, type SlotRange } from './slots.js';

export interface MastersOptions {
  /** Of any server of the cluster: the first seed node. */
  readonly address: RedisAddress;
  readonly log: Logger;
  readonly pingEveryMs: number;
  /** Whether connections are missing, so that the masters are requested more often. */
  readonly degraded: () => boolean;
  /** Called with the present masters, after each request. */
  readonly onMasters: (ranges: readonly SlotRange[]) => void;
}

/** Time between two requests while something is degraded, in ms. */
const REFRESH_MS = 1_000;
/** How many times longer it is otherwise. */
const QUIET_REFRESH = 10;

/**
 * Has one connection to a seed node: any server that was ever a master. For each attempt to connect it tries the next.
 */
export class RedisMasters {
  readonly #options: MastersOptions;
  readonly #seedNode: RedisConnection;
  readonly #refreshing: NodeJS.Timeout;
  /** Known seed nodes, the next one first. */
  #seedNodes: RedisAddress[];
  #asking: Promise<void> | undefined;
  #ticks = 0;
  #loggedFailure = false;
  #closed = false;

  constructor(options: MastersOptions) {
    const { address, log, pingEveryMs, degraded } = options;
    this.#options = options;
    this.#seedNodes = [address];
    this.#seedNode = new RedisConnection(
      { purpose: 'seed node', address: () => this.#nextSeedNode(), log, pingEveryMs, acceptsReplica: true },
      {
        ready: () => {
          void this.refresh();
        },
        lost: () => undefined, // the connections to the masters do not depend on it
      },
    );
    this.#refreshing = setInterval(() => {
      if (++this.#ticks % QUIET_REFRESH === 0 || degraded()) void this.refresh();
    }, REFRESH_MS);
  }

  /** Requests the masters now, or joins the request in progress. The result goes to `onMasters`. Never rejects. */
  refresh(): Promise<void> {
    const redis = this.#seedNode.redis;
    if (redis === undefined) return Promise.resolve();
    return (this.#asking ??= this.#ask(redis).finally(() => (this.#asking = undefined)));
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#refreshing);
    this.#seedNode.close();
  }

  #nextSeedNode(): RedisAddress {
    const [next = this.#options.address, ...others] = this.#seedNodes;
    this.#seedNodes = [...others, next];
    return next;
  }

  async #ask(redis: Redis): Promise<void> {
    try {
      const ranges = readSlots(await redis.cluster('SLOTS'), redis.options.host ?? '');
      if (this.#closed) return;
      this.#loggedFailure = false;
      for (const { host, port } of ranges) this.#addSeedNode({ ...this.#options.address, host, port });
      this.#options.onMasters(ranges);
    } catch (error) {
      if (this.#closed || this.#seedNode.redis !== redis || this.#loggedFailure) return;
      this.#loggedFailure = true;
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.log.error({ reason }, 'the masters of the Redis Cluster could not be discovered; retrying');
    }
  }

  #addSeedNode(address: RedisAddress): void {
    const name = serverName(address);
    if (!this.#seedNodes.some((known) => serverName(known) === name)) this.#seedNodes.push(address);
  }
}
