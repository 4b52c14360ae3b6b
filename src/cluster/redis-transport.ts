/** Messages through one Redis server: classic pub/sub. */
import type { Logger } from 'pino';
import type { RedisAddress } from './redis-address.js';
import { RedisServerLink } from './redis-server-link.js';
import type { Transport, TransportEvents } from './transport.js';

export interface RedisTransportOptions {
  readonly address: RedisAddress;
  /** What the names of all channels begin with; nodes that are to hear of each other share it. */
  readonly channelPrefix: string;
  readonly log: Logger;
  /** How often connections are pinged, in ms; one that leaves two pings unanswered is made anew. Default 1000. */
  readonly pingEveryMs?: number | undefined;
  /** Bytes given to Redis and not yet answered for, above which messages are dropped. Default 32 MiB. */
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
          events.message(channels.documentOf(channel), bytes);
        },
        active: (active) => {
          events.active(active.map((channel) => channels.documentOf(channel)));
        },
        lost: (lost) => {
          events.lost(lost.map((channel) => channels.documentOf(channel)));
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
        moved: () => undefined, // only sharded channels do
      },
    );
  }

  send(documentId: string, bytes: Uint8Array): boolean {
    return this.#link.publish(this.#channels.of(documentId), bytes);
  }

  subscribe(documentIds: readonly string[]): void {
    this.#link.subscribe(documentIds.map((documentId) => this.#channels.of(documentId)));
  }

  unsubscribe(documentIds: readonly string[]): void {
    this.#link.unsubscribe(documentIds.map((documentId) => this.#channels.of(documentId)));
  }

  close(): Promise<void> {
    return this.#link.close();
  }
}

/** The channels of documents: `<prefix>doc:<id>`. */
export class ChannelNames {
  readonly #start: string;

  constructor(prefix: string) {
    this.#start = `${prefix}doc:`;
  }

  of(documentId: string): string {
    return this.#start + documentId;
  }

  /** Of a channel that `of` has named. */
  documentOf(channel: string): string {
    return channel.slice(this.#start.length);
  }
}
