/** Finds out the masters of a Redis Cluster, again and again. */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { serverName, type RedisAddress } from './address.js';
import { RedisConnection } from './connection.js';
import { readSlots, type SlotRange } from './slots.js';

export interface MastersOptions {
  /** Of any server of the cluster. */
  readonly address: RedisAddress;
  readonly log: Logger;
  readonly pingEveryMs: number;
  /** Whether something is degraded, so that the masters are asked for more often. */
  readonly degraded: () => boolean;
  /** The masters as they are now; every time that they were asked for. */
  readonly onMasters: (ranges: readonly SlotRange[]) => void;
}

/** How often the masters are asked for while something is degraded, and after how many such times if nothing is. */
const REFRESH_MS = 1_000;
const QUIET_REFRESH = 10;

/** One connection that asks for the masters, by turns at any server that was ever one. */
export class RedisMasters {
  readonly #options: MastersOptions;
  readonly #seedNode: RedisConnection;
  readonly #refreshing: NodeJS.Timeout;
  /** Servers to ask, the next one in front. */
  #seedNodes: RedisAddress[];
  #asking: Promise<void> | undefined;
  #ticks = 0;
  #saidUnclear = false;
  #closed = false;

  constructor(options: MastersOptions) {
    const { address, log, pingEveryMs, degraded } = options;
    this.#options = options;
    this.#seedNodes = [address];
    this.#seedNode = new RedisConnection(
      { purpose: 'seed node', address: () => this.#nextSeedNode(), log, pingEveryMs },
      {
        ready: () => {
          void this.refresh();
        },
        lost: () => undefined, // the connections to the masters stand without it
      },
    );
    this.#refreshing = setInterval(() => {
      if (++this.#ticks % QUIET_REFRESH === 0 || degraded()) void this.refresh();
    }, REFRESH_MS);
  }

  /** Asks now, or joins in the question that is under way. Never rejects; what is found out goes to `onMasters`. */
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
      this.#saidUnclear = false;
      for (const { host, port } of ranges) this.#learn({ ...this.#options.address, host, port });
      this.#options.onMasters(ranges);
    } catch (error) {
      if (this.#closed || this.#seedNode.redis !== redis || this.#saidUnclear) return;
      this.#saidUnclear = true;
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.log.error({ reason }, 'the masters of the Redis Cluster can not be found out; retrying');
    }
  }

  #learn(address: RedisAddress): void {
    const name = serverName(address);
    if (!this.#seedNodes.some((guide) => serverName(guide) === name)) this.#seedNodes.push(address);
  }
}
