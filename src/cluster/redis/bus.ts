/** The bus through Redis 7 or later, or a Redis Cluster. */
import { NumberedBus, type BusOptions } from '../numbered-bus.js';
import type { Bus } from '../port.js';
import { parseRedisUrl } from './address.js';
import { RedisClusterTransport } from './cluster-transport.js';
import { RedisTransport, type RedisTransportOptions } from './transport.js';

export interface RedisBusOptions extends BusOptions, Omit<RedisTransportOptions, 'address'> {
  /** `redis[s]://[user:password@]host[:port][/db]`; of any server of the cluster, if it is one. */
  readonly url: string;
  /**
   * Whether it is a Redis Cluster, for which sharded pub/sub is used. The bus then has two connections to each master
   * and one besides, else two.
   */
  readonly cluster: boolean;
}

/**
 * Begins to connect, and goes on for ever: Redis need not be there.
 *
 * @throws Error when the URL can't be read, without the URL in its text.
 */
export function openRedisBus(options: RedisBusOptions): Bus {
  const transport = { ...options, address: parseRedisUrl(options.url) };
  return new NumberedBus(options, (events) =>
    options.cluster ? new RedisClusterTransport(transport, events) : new RedisTransport(transport, events),
  );
}
