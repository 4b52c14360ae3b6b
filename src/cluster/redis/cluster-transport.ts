/** Messages through a Redis Cluster: sharded pub/sub, where each channel belongs to one master. */
import { serverName, type RedisAddress } from './address.js';
import { RedisMasters } from './masters.js';
import { RedisServerLink, type UnsentBytes } from './server-link.js';
import { slotOf, SLOTS, type SlotRange } from './slots.js';
import { ChannelNames, DEFAULT_PING_MS, DEFAULT_QUEUED_BYTES, type RedisTransportOptions } from './transport.js';
import type { Transport, TransportEvents } from '../transport.js';

/**
 * Has a link to each master. ioredis' own cluster client is not used: after a lost connection or a moved slot it
 * subscribes again silently, so that nobody would know which channels may have missed messages.
 */
export class RedisClusterTransport implements Transport {
  readonly #options: RedisTransportOptions;
  readonly #events: TransportEvents;
  readonly #channels: ChannelNames;
  readonly #unsent: UnsentBytes;
  readonly #masters: RedisMasters;
  readonly #links = new Map<string, RedisServerLink>();
  /** The link of each slot; empty until the masters are known. */
  #owners: (RedisServerLink | undefined)[] = [];
  /** Subscribed channels, and the link that each was given to. */
  readonly #wanted = new Map<string, RedisServerLink | undefined>();
  /** Links whose server has lost the slot of a channel since the masters were last requested. */
  readonly #moved = new Set<RedisServerLink>();
  #connected = false;

  constructor(options: RedisTransportOptions, events: TransportEvents) {
    const { address, log, pingEveryMs = DEFAULT_PING_MS, maxQueuedBytes = DEFAULT_QUEUED_BYTES } = options;
    this.#options = options;
    this.#events = events;
    this.#channels = new ChannelNames(options.channelPrefix);
    this.#unsent = { bytes: 0, max: maxQueuedBytes };
    this.#masters = new RedisMasters({
      address,
      log,
      pingEveryMs,
      degraded: () => !this.#connected || this.#moved.size > 0,
      onMasters: (ranges) => {
        this.#applyMasters(ranges);
      },
    });
  }

  send(name: string, bytes: Uint8Array): boolean {
    const channel = this.#channels.of(name);
    return this.#owners[slotOf(channel)]?.publish(channel, bytes) ?? false;
  }

  subscribe(names: readonly string[]): void {
    const channels = names.map((name) => this.#channels.of(name));
    for (const channel of channels) this.#wanted.set(channel, undefined);
    this.#assign(channels);
  }

  unsubscribe(names: readonly string[]): void {
    for (const name of names) {
      const channel = this.#channels.of(name);
      this.#wanted.get(channel)?.unsubscribe([channel]);
      this.#wanted.delete(channel);
    }
  }

  async close(): Promise<void> {
    this.#masters.close();
    await Promise.all(Array.from(this.#links.values(), (link) => link.close()));
  }

  #applyMasters(ranges: readonly SlotRange[]): void {
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
    // Which channels the server has dropped is unknown, as is whether their slots have come back meanwhile.
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
          // Also from the former master of a slot: its messages are valid.
          this.#events.message(this.#channels.nameOf(channel), bytes);
        },
        active: (channels) => {
          this.#events.active(this.#namesOf(channels, link));
        },
        lost: (channels) => {
          this.#events.lost(this.#namesOf(channels, link));
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
    return link;
  }

  /** Names of those channels that are assigned to this link. */
  #namesOf(channels: readonly string[], link: RedisServerLink): string[] {
    return channels
      .filter((channel) => this.#wanted.get(channel) === link)
      .map((channel) => this.#channels.nameOf(channel));
  }

  /** Subscribes to each channel at the master of its slot. */
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
      this.#events.lost(left.map((channel) => this.#channels.nameOf(channel)));
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
