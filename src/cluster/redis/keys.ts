/** Connections for commands on keys: to one Redis server, or to the masters of a Redis Cluster. */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { serverName, type RedisAddress } from './address.js';
import { RedisConnection } from './connection.js';
import { RedisMasters } from './masters.js';
import { slotOf, type SlotRange } from './slots.js';

export interface RedisKeysOptions {
  /** In a Redis Cluster, of any of its servers. */
  readonly address: RedisAddress;
  readonly log: Logger;
  readonly pingEveryMs: number;
  /** Every server that holds keys is connected; may be called again. */
  readonly onConnected: () => void;
}

export interface RedisKeys {
  /** The client of the server that holds a key, while it is connected. */
  redisFor(key: string): Redis | undefined;
  /** Requests the assignment of slots again, after a MOVED error. Never rejects. */
  refresh(): Promise<void>;
  /** Closes all connections. */
  close(): void;
}

export class RedisServerKeys implements RedisKeys {
  readonly #connection: RedisConnection;

  constructor({ address, log, pingEveryMs, onConnected }: RedisKeysOptions) {
    this.#connection = keysConnection({ address, log, pingEveryMs, onConnected });
  }

  redisFor(): Redis | undefined {
    return this.#connection.redis;
  }

  refresh(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.#connection.close();
  }
}

export class RedisClusterKeys implements RedisKeys {
  readonly #options: RedisKeysOptions;
  readonly #masters: RedisMasters;
  readonly #connections = new Map<string, RedisConnection>();
  #ranges: readonly SlotRange[] = [];

  constructor(options: RedisKeysOptions) {
    const { address, log, pingEveryMs } = options;
    this.#options = options;
    this.#masters = new RedisMasters({
      address,
      log,
      pingEveryMs,
      degraded: () => !this.#complete,
      onMasters: (ranges) => {
        this.#applyMasters(ranges);
      },
    });
  }

  redisFor(key: string): Redis | undefined {
    const slot = slotOf(key);
    const owner = this.#ranges.find(({ first, last }) => first <= slot && slot <= last);
    return owner === undefined ? undefined : this.#connections.get(serverName(owner))?.redis;
  }

  refresh(): Promise<void> {
    return this.#masters.refresh();
  }

  close(): void {
    this.#masters.close();
    for (const connection of this.#connections.values()) connection.close();
  }

  get #complete(): boolean {
    return (
      this.#connections.size > 0 && Array.from(this.#connections.values()).every(({ redis }) => redis !== undefined)
    );
  }

  #applyMasters(ranges: readonly SlotRange[]): void {
    this.#ranges = ranges;
    const names = new Set(ranges.map(serverName));
    for (const { host, port } of ranges) {
      const name = serverName({ host, port });
      if (this.#connections.has(name)) continue;
      const onConnected = (): void => {
        if (this.#complete) this.#options.onConnected();
      };
      const address = { ...this.#options.address, host, port };
      this.#connections.set(name, keysConnection({ ...this.#options, address, onConnected }));
    }
    for (const [name, connection] of this.#connections) {
      if (names.has(name)) continue;
      this.#connections.delete(name);
      connection.close();
    }
  }
}

function keysConnection({ address, log, pingEveryMs, onConnected }: RedisKeysOptions): RedisConnection {
  return new RedisConnection(
    { purpose: 'state', address: () => address, log, pingEveryMs },
    { ready: onConnected, lost: () => undefined },
  );
}
