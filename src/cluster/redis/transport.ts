/** Messages through one Redis server: pub/sub. */
import type { Logger } from 'pino';
import type { RedisAddress } from './address.js';
import { RedisServerLink } from './server-link.js';
import type { Transport, TransportEvents } from '../transport.js';

export interface RedisTransportOptions {
  readonly address: RedisAddress;
  /** Prefix of all channels; the nodes of a cluster share it. */
  readonly channelPrefix: string;
  readonly log: Logger;
  /** Time between pings, in ms; a connection with two unanswered pings is replaced. Default 1000. */
  readonly pingEveryMs?: number | undefined;
  /** Unacknowledged bytes above which messages are dropped. Default 32 MiB. */
  readonly maxQueuedBytes?: number | undefined;
}

export const DEFAULT_PING_MS = 1_000;
export const DEFAULT_QUEUED_BYTES = 32 * 1024 * 1024;

export class RedisTransport implements Transport {
  readonly #link: RedisServerLink;
  readonly #channels: ChannelNames;
  #connected = false;

  constructor(options: RedisTransportOptions, events: TransportEvents) {
    const { address, log, pingEveryMs = DEFAULT_PING_MS, maxQueuedBytes = DEFAULT_QUEUED_BYTES } = options;
    const channels = new ChannelNames(options.channelPrefix);
    this.#channels = channels;
    this.#link = new RedisServerLink(
      { address, sharded: false, log, pingEveryMs, unsent: { bytes: 0, max: maxQueuedBytes } },
      {
        message: (channel, bytes) => {
          events.message(channels.nameOf(channel), bytes);
        },
        active: (active) => {
          events.active(active.map((channel) => channels.nameOf(channel)));
        },
        lost: (lost) => {
          events.lost(lost.map((channel) => channels.nameOf(channel)));
        },
        changed: () => {
          if (this.#connected === this.#link.connected) return;
          this.#connected = this.#link.connected;
          events.status(this.#connected);
        },
        resumed: (lostAt) => {
          events.resumed(lostAt);
        },
        dropped: (count) => {
          events.dropped(count);
        },
        moved: () => undefined, // only sharded channels move
      },
    );
  }

  send(name: string, bytes: Uint8Array): boolean {
    return this.#link.publish(this.#channels.of(name), bytes);
  }

  subscribe(names: readonly string[]): void {
    this.#link.subscribe(names.map((name) => this.#channels.of(name)));
  }

  unsubscribe(names: readonly string[]): void {
    this.#link.unsubscribe(names.map((name) => this.#channels.of(name)));
  }

  close(): Promise<void> {
    return this.#link.close();
  }
}

/** The names of channels in Redis: `<prefix><name>`. */
export class ChannelNames {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  of(name: string): string {
    return this.#prefix + name;
  }

  /** The inverse of `of`. */
  nameOf(channel: string): string {
    return channel.slice(this.#prefix.length);
  }
}
