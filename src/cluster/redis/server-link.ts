/** The connections of a bus to one Redis server: one that publishes, and one that is subscribed. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { RedisAddress } from './address.js';
import { RedisConnection } from './connection.js';
import { RedisSubscriber } from './subscriber.js';

export interface LinkOptions {
  readonly address: RedisAddress;
  /** Whether to use sharded pub/sub. */
  readonly sharded: boolean;
  readonly log: Logger;
  readonly pingEveryMs: number;
  /** Shared by all links of a bus. */
  readonly unsent: UnsentBytes;
}

/** Bytes that were published and that Redis has not acknowledged yet. */
export interface UnsentBytes {
  bytes: number;
  readonly max: number;
}

export interface LinkEvents {
  /** `message`, `active` and `lost`: as in `SubscriberEvents`. */
  message(channel: string, bytes: Uint8Array): void;
  active(channels: readonly string[]): void;
  lost(channels: readonly string[]): void;
  /** A connection was established or lost. */
  changed(): void;
  /**
   * Publishing works, for the first time or again.
   *
   * @param lostAt Since when it did not, in ms of the monotonic clock.
   */
  resumed(lostAt: number): void;
  /** Accepted messages were lost. */
  dropped(count: number): void;
  /** The server no longer has the slot of a channel. */
  moved(): void;
}

/** Longest time that closing waits for unacknowledged messages, in ms. */
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
  /** Pipelines that Redis has not answered yet. */
  readonly #sending = new Set<Promise<void>>();
  /** Since when publishing is, or last was, impossible. */
  #lostAt = performance.now();
  #loggedRefusal = false;

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

  /** Queues a message until the end of this turn of the event loop. @returns Whether it was accepted. */
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

  /** Subscribes to all channels again, as after a lost connection. */
  renew(): void {
    this.#subscriber.renew();
  }

  /** Ends the subscriptions; resolves when the accepted messages are acknowledged, or after two seconds. */
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

  /** @param refusal The server's error for one of them. */
  #settle(outgoing: readonly Outgoing[], dropped: number, refusal: unknown): void {
    for (const { bytes } of outgoing) this.#options.unsent.bytes -= bytes.length;
    if (dropped > 0) this.#events.dropped(dropped);
    if (!(refusal instanceof Error)) return;
    if (refusal.message.startsWith('MOVED ')) {
      this.#events.moved();
    } else if (!this.#loggedRefusal) {
      this.#loggedRefusal = true;
      // Only the message: the error object contains the command that was sent.
      this.#options.log.error(
        { reason: refusal.message },
        'Redis refused to publish; further refusals are only counted',
      );
    }
  }
}
