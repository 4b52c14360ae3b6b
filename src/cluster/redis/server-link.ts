/** What a bus has with one Redis server: a connection that publishes, and one that is subscribed. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { RedisAddress } from './address.js';
import { RedisConnection } from './connection.js';
import { RedisSubscriber } from './subscriber.js';

export interface LinkOptions {
  readonly address: RedisAddress;
  /** Whether the commands are those of sharded pub/sub. */
  readonly sharded: boolean;
  readonly log: Logger;
  readonly pingEveryMs: number;
  /** Bytes that were published and not answered for, of all links of a bus. */
  readonly unsent: UnsentBytes;
}

export interface UnsentBytes {
  bytes: number;
  readonly max: number;
}

export interface LinkEvents {
  message(channel: string, bytes: Uint8Array): void;
  active(channels: readonly string[]): void;
  lost(channels: readonly string[]): void;
  /** A connection was made or lost. */
  changed(): void;
  /** Publishing works again, or for the first time; it did not since this time, by `performance.now()`. */
  resumed(lostAt: number): void;
  dropped(count: number): void;
  /** The server no longer has the slot of some channel. */
  moved(): void;
}

/** How long closing waits for what is on its way. */
const CLOSE_MS = 2_000;

interface Outgoing {
  readonly channel: string;
  readonly bytes: Buffer;
}

export class RedisServerLink {
  readonly #options: LinkOptions;
  readonly #events: LinkEvents;
  readonly #publisher: RedisConnection;
  readonly #subscriber: RedisSubscriber;
  /** What was published in this turn of the event loop. */
  #outgoing: Outgoing[] = [];
  /** What was given to Redis and is not answered for. */
  readonly #sending = new Set<Promise<void>>();
  /** When publishing last came to be impossible. */
  #lostAt = performance.now();
  #saidRefused = false;

  constructor(options: LinkOptions, events: LinkEvents) {
    const { address, log, pingEveryMs } = options;
    this.#options = options;
    this.#events = events;
    const connection = { address: () => address, log, pingEveryMs };
    this.#publisher = new RedisConnection(
      { ...connection, purpose: 'publisher' },
      {
        ready: () => {
          events.changed();
          events.resumed(this.#lostAt);
        },
        lost: () => {
          this.#lostAt = performance.now();
          events.changed();
        },
      },
    );
    this.#subscriber = new RedisSubscriber({ ...connection, sharded: options.sharded }, events);
  }

  get connected(): boolean {
    return this.#publisher.redis !== undefined && this.#subscriber.connected;
  }

  /** @returns Whether it was taken. */
  publish(channel: string, bytes: Uint8Array): boolean {
    const { unsent } = this.#options;
    if (this.#publisher.redis === undefined || unsent.bytes + bytes.length > unsent.max) return false;
    unsent.bytes += bytes.length;
    if (this.#outgoing.length === 0) {
      setImmediate(() => {
        this.#flush();
      });
    }
    this.#outgoing.push({ channel, bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length) });
    return true;
  }

  subscribe(channels: Iterable<string>): void {
    this.#subscriber.subscribe(channels);
  }

  unsubscribe(channels: Iterable<string>): void {
    this.#subscriber.unsubscribe(channels);
  }

  /** Subscribes again to everything, as after a lost connection. */
  renew(): void {
    this.#subscriber.renew();
  }

  /** Ends the subscriptions; resolves when what was taken is sent, or has been on its way for too long. */
  async close(): Promise<void> {
    this.#subscriber.close();
    this.#flush();
    const late = new AbortController();
    const limit = sleep(CLOSE_MS, undefined, { signal: late.signal }).catch(() => undefined);
    await Promise.race([Promise.all(this.#sending), limit]);
    late.abort();
    this.#publisher.close();
  }

  #flush(): void {
    const outgoing = this.#outgoing;
    this.#outgoing = [];
    if (outgoing.length === 0) return;
    const redis = this.#publisher.redis;
    if (redis === undefined) {
      this.#settle(outgoing, outgoing.length, undefined);
      return;
    }
    const sending = this.#send(redis, outgoing).finally(() => this.#sending.delete(sending));
    this.#sending.add(sending);
  }

  async #send(redis: Redis, outgoing: readonly Outgoing[]): Promise<void> {
    const pipeline = redis.pipeline();
    for (const { channel, bytes } of outgoing) {
      if (this.#options.sharded) pipeline.spublish(channel, bytes);
      else pipeline.publish(channel, bytes);
    }
    let errors: unknown[];
    try {
      errors = ((await pipeline.exec()) ?? []).map(([error]) => error).filter((error) => error !== null);
    } catch (error) {
      errors = outgoing.map(() => error);
    }
    const lost = this.#publisher.redis !== redis;
    this.#settle(outgoing, errors.length, lost ? undefined : errors[0]);
  }

  /** @param refusal What the server said to one of them. */
  #settle(outgoing: readonly Outgoing[], dropped: number, refusal: unknown): void {
    for (const { bytes } of outgoing) this.#options.unsent.bytes -= bytes.length;
    if (dropped > 0) this.#events.dropped(dropped);
    if (!(refusal instanceof Error)) return;
    if (refusal.message.startsWith('MOVED ')) {
      this.#events.moved();
    } else if (!this.#saidRefused) {
      this.#saidRefused = true;
      // Not the error itself, which holds what was sent.
      this.#options.log.error(
        { reason: refusal.message },
        'Redis refused to publish; further refusals are only counted',
      );
    }
  }
}
