/** Messages through a Redis Cluster: sharded pub/sub, where each channel belongs to one master. */
import { serverName, type RedisAddress } from './address.js';
import { RedisMasters } from './masters.js';
import { RedisServerLink, type UnsentBytes } from './server-link.js';
import { slotOf, SLOTS, type SlotRange } from './slots.js';
import { ChannelNames, DEFAULT_PING_MS, DEFAULT_QUEUED_BYTES, type RedisTransportOptions } from './transport.js';
import type { Transport, TransportEvents } from '../transport.js';

/**
 * The client library's own cluster subscribes again behind one's back after a lost connection or a slot that moved, so
 * that nobody would know which channels have missed something. Hence a link of our own to each master.
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
  /** Channels that are wanted, and the link that was told. */
  readonly #wanted = new Map<string, RedisServerLink | undefined>();
  /** Links that have lost the slot of some channel since the masters were last asked for. */
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
        this.#take(ranges);
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

  /** Names of the channels for which this link is the one that counts. */
  #namesOf(channels: readonly string[], link: RedisServerLink): string[] {
    return channels
      .filter((channel) => this.#wanted.get(channel) === link)
      .map((channel) => this.#channels.nameOf(channel));
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
