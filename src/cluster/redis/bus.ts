/** The bus through Redis 7 or later, or a Redis Cluster. */
import { NumberedBus, type BusOptions } from '../numbered-bus.js';
import type { Bus } from '../port.js';
import { parseRedisUrl, type Sentinels } from './address.js';
import { RedisClusterTransport } from './cluster-transport.js';
import { RedisTransport, type RedisTransportOptions } from './transport.js';

export interface RedisBusOptions extends BusOptions, Omit<RedisTransportOptions, 'address'> {
  /** `redis[s]://[user:password@]host[:port][/db]`; in a Redis Cluster, of any of its servers. */
  readonly url: string;
  /**
   * Whether it is a Redis Cluster; then sharded pub/sub is used, with two connections to each master and one to a seed
   * node. Otherwise the bus has two connections.
   */
  readonly cluster: boolean;
  /** If it has Sentinels, they say where the master is, instead of host and port of the URL. */
  readonly sentinels?: Sentinels | undefined;
}

/**
 * Opens the bus. It connects in the background and retries for ever, so Redis need not be available yet.
 *
 * @throws Error when the URL is invalid; its message does not contain the URL.
 */
export function openRedisBus(options: RedisBusOptions): Bus {
  const transport = { ...options, address: parseRedisUrl(options.url, options.sentinels) };
  return new NumberedBus(options, (events) =>
    options.cluster ? new RedisClusterTransport(transport, events) : new RedisTransport(transport, events),
  );
}
