/** Buses of a contract test that are connected by a real Redis. */
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import type { Bus } from '../../../src/cluster/port.js';
import { NumberedBus } from '../../../src/cluster/numbered-bus.js';
import { parseRedisUrl } from '../../../src/cluster/redis/address.js';
import { RedisTransport } from '../../../src/cluster/redis/transport.js';
import type { BusWorld } from '../../contract/bus.js';
import { losing } from '../network/losing-transport.js';
import { startProxy, type Proxy } from '../network/proxy.js';

/** Each bus has a proxy of its own on its way to Redis, where its connections are cut. */
export async function redisWorld(url: string): Promise<BusWorld> {
  const channelPrefix = `test-${randomBytes(6).toString('hex')}:`;
  // More than any test opens, so that opening one need not be waited for.
  const spare = await Promise.all(Array.from({ length: 4 }, () => startProxy(url)));
  const all = [...spare];
  const proxies = new Map<Bus, Proxy>();
  const client = new Redis(url);
  let loses = (): boolean => false;
  return {
    open(options) {
      const proxy = spare.pop();
      if (proxy === undefined) throw new Error('a test has more buses than there are proxies');
      const address = parseRedisUrl(proxy.through(url));
      const settings = { address, channelPrefix, log: options.log, pingEveryMs: 200 };
      const bus = new NumberedBus(options, (events) => losing(new RedisTransport(settings, events), () => loses()));
      proxies.set(bus, proxy);
      return bus;
    },
    async inject(channel, bytes) {
      await client.publish(`${channelPrefix}${channel}`, Buffer.from(bytes));
    },
    lose(which) {
      let messages = 0;
      loses = () => which(++messages);
    },
    cut: (bus) => proxies.get(bus)?.set('down'),
    mend: (bus) => proxies.get(bus)?.set('open'),
    async cleanup() {
      client.disconnect();
      await Promise.all(all.map((proxy) => proxy.close()));
    },
  };
}
