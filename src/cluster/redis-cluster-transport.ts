/** Messages through a Redis Cluster: sharded pub/sub, where each channel belongs to one master. */
import type { Redis } from 'ioredis';
import { serverName, type RedisAddress } from './redis-address.js';
import { RedisConnection } from './redis-connection.js';
import { RedisServerLink, type UnsentBytes } from './redis-server-link.js';
import { readSlots, slotOf, SLOTS, type SlotRange } from './redis-slots.js';
import { ChannelNames, DEFAULT_PING_MS, DEFAULT_QUEUED_BYTES, type RedisTransportOptions } from './redis-transport.js';
import type { Transport, TransportEvents } from './transport.js';

/** How often the masters are asked for while something is amiss, and after how many such times if nothing is. */
const REFRESH_MS = 1_000;
const QUIET_REFRESH = 10;

/**
 * The client library's own cluster subscribes again behind one's back after a lost connection or a slot that moved, so
 * that nobody would know which documents have missed something. Hence a link of our own to each master, and one more
 * connection that asks for the masters, by turns at any server that was ever one.
 */
export class RedisClusterTransport implements Transport {
  readonly #options: RedisTransportOptions;
  readonly #events: TransportEvents;
  readonly #channels: ChannelNames;
  readonly #unsent: UnsentBytes;
  readonly #guide: RedisConnection;
  readonly #refreshing: NodeJS.Timeout;
  readonly #links = new Map<string, RedisServerLink>();
  /** The link of each slot; empty until the masters are known. */
  #owners: (RedisServerLink | undefined)[] = [];
  /** Channels that are wanted, and the link that was told. */
  readonly #wanted = new Map<string, RedisServerLink | undefined>();
  /** Links that have lost the slot of some channel since the masters were last asked for. */
  readonly #moved = new Set<RedisServerLink>();
  /** Servers to ask for the masters, the next one in front. */
  #guides: RedisAddress[];
  #asking = false;
  #ticks = 0;
  #connected = false;
  #saidUnclear = false;
  #closed = false;

  constructor(options: RedisTransportOptions, events: TransportEvents) {
    const { address, log, pingEveryMs = DEFAULT_PING_MS, maxQueuedBytes = DEFAULT_QUEUED_BYTES } = options;
    this.#options = options;
    this.#events = events;
    this.#channels = new ChannelNames(options.channelPrefix);
    this.#unsent = { bytes: 0, max: maxQueuedBytes };
    this.#guides = [address];
    this.#guide = new RedisConnection(
      { purpose: 'guide', address: () => this.#nextGuide(), log, pingEveryMs },
      {
        ready: (redis) => {
          void this.#refresh(redis);
        },
        lost: () => undefined, // the links stand without it
      },
    );
    this.#refreshing = setInterval(() => {
      if (++this.#ticks % QUIET_REFRESH === 0 || !this.#connected || this.#moved.size > 0) void this.#refresh();
    }, REFRESH_MS);
  }

  send(documentId: string, bytes: Uint8Array): boolean {
    const channel = this.#channels.of(documentId);
    return this.#owners[slotOf(channel)]?.publish(channel, bytes) ?? false;
  }

  subscribe(documentIds: readonly string[]): void {
    for (const documentId of documentIds) this.#wanted.set(this.#channels.of(documentId), undefined);
    this.#assign(documentIds.map((documentId) => this.#channels.of(documentId)));
  }

  unsubscribe(documentIds: readonly string[]): void {
    for (const documentId of documentIds) {
      const channel = this.#channels.of(documentId);
      this.#wanted.get(channel)?.unsubscribe([channel]);
      this.#wanted.delete(channel);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#refreshing);
    this.#guide.close();
    await Promise.all(Array.from(this.#links.values(), (link) => link.close()));
  }

  #nextGuide(): RedisAddress {
    const [next = this.#options.address, ...others] = this.#guides;
    this.#guides = [...others, next];
    return next;
  }

  async #refresh(redis: Redis | undefined = this.#guide.redis): Promise<void> {
    if (redis === undefined || this.#asking) return;
    this.#asking = true;
    try {
      const ranges = readSlots(await redis.cluster('SLOTS'), redis.options.host ?? '');
      if (this.#closed) return;
      this.#saidUnclear = false;
      this.#take(ranges);
    } catch (error) {
      if (this.#closed || this.#guide.redis !== redis || this.#saidUnclear) return;
      this.#saidUnclear = true;
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.log.error({ reason }, 'the masters of the Redis Cluster can not be found out; retrying');
    } finally {
      this.#asking = false;
    }
  }

  #take(ranges: readonly SlotRange[]): void {
    const owners: (RedisServerLink | undefined)[] = Array.from({ length: SLOTS }, () => undefined);
    const names = new Set<string>();
    for (const { first, last, host, port } of ranges) {
      const name = serverName({ host, port });
      names.add(name);
      owners.fill(this.#linkTo(name, { ...this.#options.address, host, port }), first, last + 1);
    }
    this.#owners = owners;
    this.#assign(this.#wanted.keys());
    for (const [name, link] of this.#links) {
      if (names.has(name)) continue;
      this.#links.delete(name);
      void link.close();
    }
    // Which channels the server has given up is not known, nor whether their slots came back meanwhile.
    for (const link of this.#moved) if (owners.includes(link)) link.renew();
    this.#moved.clear();
    this.#noteStatus();
  }

  #linkTo(name: string, address: RedisAddress): RedisServerLink {
    const known = this.#links.get(name);
    if (known !== undefined) return known;
    const { log, pingEveryMs = DEFAULT_PING_MS } = this.#options;
    const link: RedisServerLink = new RedisServerLink(
      { address, sharded: true, log, pingEveryMs, unsent: this.#unsent },
      {
        message: (channel, bytes) => {
          // The former master may still have something to say, which is welcome.
          this.#events.message(this.#channels.documentOf(channel), bytes);
        },
        active: (channels) => {
          this.#events.active(this.#documentsOf(channels, link));
        },
        lost: (channels) => {
          this.#events.lost(this.#documentsOf(channels, link));
        },
        changed: () => {
          this.#noteStatus();
        },
        resumed: (lostAt) => {
          this.#events.resumed(lostAt);
        },
        dropped: (count) => {
          this.#events.dropped(count);
        },
        moved: () => {
          this.#moved.add(link);
        },
      },
    );
    this.#links.set(name, link);
    if (!this.#guides.some((guide) => serverName(guide) === name)) this.#guides.push(address);
    return link;
  }

  /** Documents of channels for which this link is the one that counts. */
  #documentsOf(channels: readonly string[], link: RedisServerLink): string[] {
    return channels
      .filter((channel) => this.#wanted.get(channel) === link)
      .map((channel) => this.#channels.documentOf(channel));
  }

  /** Has each channel subscribed at the master of its slot. */
  #assign(channels: Iterable<string>): void {
    const joining = new Map<RedisServerLink, string[]>();
    const leaving = new Map<RedisServerLink, string[]>();
    for (const channel of channels) {
      const former = this.#wanted.get(channel);
      const owner = this.#owners[slotOf(channel)];
      if (owner === former) continue;
      this.#wanted.set(channel, owner);
      if (former !== undefined) addTo(leaving, former, channel);
      if (owner !== undefined) addTo(joining, owner, channel);
    }
    for (const [link, left] of leaving) {
      this.#events.lost(left.map((channel) => this.#channels.documentOf(channel)));
      link.unsubscribe(left);
    }
    for (const [link, joined] of joining) link.subscribe(joined);
  }

  #noteStatus(): void {
    const connected = this.#owners.length > 0 && this.#owners.every((link) => link?.connected === true);
    if (connected === this.#connected) return;
    this.#connected = connected;
    this.#events.status(connected);
  }
}

function addTo(lists: Map<RedisServerLink, string[]>, link: RedisServerLink, channel: string): void {
  const list = lists.get(link);
  if (list === undefined) lists.set(link, [channel]);
  else list.push(channel);
}
