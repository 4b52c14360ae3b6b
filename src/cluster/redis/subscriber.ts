/** A connection to a Redis server that is subscribed to channels, and subscribes again after each loss. */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { RedisAddress } from './address.js';
import { RedisConnection } from './connection.js';
import { slotOf } from './slots.js';

export interface SubscriberOptions {
  readonly address: () => RedisAddress;
  /** Whether to use sharded pub/sub, where the channels of one command belong to one slot. */
  readonly sharded: boolean;
  readonly log: Logger;
  readonly pingEveryMs: number;
}

export interface SubscriberEvents {
  /** A message arrived on a subscribed channel. */
  message(channel: string, bytes: Uint8Array): void;
  /** These channels are now subscribed. */
  active(channels: readonly string[]): void;
  /** These channels are no longer subscribed; they will be subscribed again. */
  lost(channels: readonly string[]): void;
  /** The connection was established or lost. */
  changed(): void;
  /** The server no longer has the slot of a channel. */
  moved(): void;
}

/** Most channels in one command. */
const MAX_CHANNELS = 10_000;
const RETRY_MS = 1_000;

/** One command that subscribes. Its channels share it, so that the answer to an outdated command can be recognised. */
interface Request {
  /** Whether the server has confirmed it. */
  active: boolean;
}

export class RedisSubscriber {
  readonly #options: SubscriberOptions;
  readonly #events: SubscriberEvents;
  readonly #connection: RedisConnection;
  readonly #wanted = new Set<string>();
  /** The command that subscribed to each channel on the present connection. */
  readonly #requested = new Map<string, Request>();
  /** Channels for which `#wanted` and `#requested` may differ. */
  #changed = new Set<string>();
  /** Channels that the server refused to unsubscribe. */
  readonly #toLeave = new Set<string>();
  #flushing: NodeJS.Immediate | undefined;
  #retry: NodeJS.Timeout | undefined;
  #loggedRefusal = false;

  constructor(options: SubscriberOptions, events: SubscriberEvents) {
    this.#options = options;
    this.#events = events;
    this.#connection = new RedisConnection(
      { ...options, purpose: 'subscriber' },
      {
        ready: (redis) => {
          this.#listen(redis);
          this.#requestMissing();
          events.changed();
        },
        lost: () => {
          this.#forgetRequests();
          events.changed();
        },
      },
    );
  }

  get connected(): boolean {
    return this.#connection.redis !== undefined;
  }

  subscribe(channels: Iterable<string>): void {
    for (const channel of channels) {
      this.#wanted.add(channel);
      this.#change(channel);
    }
  }

  unsubscribe(channels: Iterable<string>): void {
    for (const channel of channels) {
      this.#wanted.delete(channel);
      this.#change(channel);
    }
  }

  /** Subscribes to all channels again; for those that are still subscribed this changes nothing. */
  renew(): void {
    this.#forgetRequests();
    this.#requestMissing();
  }

  close(): void {
    clearTimeout(this.#retry);
    clearImmediate(this.#flushing);
    this.#connection.close();
  }

  #listen(redis: Redis): void {
    const receive = (channel: Buffer, bytes: Buffer): void => {
      if (this.#connection.redis !== redis) return;
      this.#connection.received();
      const name = channel.toString();
      if (this.#wanted.has(name)) this.#events.message(name, bytes);
    };
    redis.on(this.#options.sharded ? 'smessageBuffer' : 'messageBuffer', receive);
    redis.on('moved', () => {
      if (this.#connection.redis === redis) this.#events.moved();
    });
  }

  #forgetRequests(): void {
    const lost = [...this.#requested].filter(([channel, { active }]) => active && this.#wanted.has(channel));
    if (this.#connection.redis === undefined) {
      this.#requested.clear();
      this.#toLeave.clear();
    }
    // Channels that are not wanted are kept: they still have to be unsubscribed.
    else for (const channel of this.#wanted) this.#requested.delete(channel);
    if (lost.length > 0) this.#events.lost(lost.map(([channel]) => channel));
  }

  #requestMissing(): void {
    for (const channel of this.#wanted) if (!this.#requested.has(channel)) this.#change(channel);
  }

  #change(channel: string): void {
    this.#changed.add(channel);
    this.#flushing ??= setImmediate(() => {
      this.#flushing = undefined;
      this.#flush();
    });
  }

  /** Sends the changes of this turn of the event loop. */
  #flush(): void {
    const changed = this.#changed;
    this.#changed = new Set();
    const redis = this.#connection.redis;
    if (redis === undefined) return; // `ready` requests everything
    const toSubscribe: string[] = [];
    const toUnsubscribe: string[] = [];
    const stillActive: string[] = [];
    for (const channel of changed) {
      const request = this.#requested.get(channel);
      if (!this.#wanted.has(channel)) {
        if (request !== undefined) toUnsubscribe.push(channel);
      } else if (request === undefined) {
        toSubscribe.push(channel);
      } else if (request.active) {
        // Unsubscribed and subscribed again within one turn.
        stillActive.push(channel);
      }
    }
    for (const channel of toUnsubscribe) this.#requested.delete(channel);
    for (const channels of this.#commandsOf(toUnsubscribe)) void this.#leave(redis, channels);
    for (const channels of this.#commandsOf(toSubscribe)) void this.#request(redis, channels);
    if (stillActive.length > 0) this.#events.active(stillActive);
  }

  /** A master that is back refuses for a while, and without another try its messages would come for ever. */
  async #leave(redis: Redis, channels: readonly string[]): Promise<void> {
    try {
      await (this.#options.sharded ? redis.sunsubscribe(...channels) : redis.unsubscribe(...channels));
    } catch (error) {
      // A server drops the channels of a slot that it gives away.
      if (this.#connection.redis !== redis || reasonOf(error).startsWith('MOVED ')) return;
      for (const channel of channels) this.#toLeave.add(channel);
      this.#refused(error);
    }
  }

  #leaveAgain(): void {
    const unwanted = [...this.#toLeave].filter((channel) => !this.#wanted.has(channel));
    this.#toLeave.clear();
    const redis = this.#connection.redis;
    if (redis === undefined) return;
    for (const channels of this.#commandsOf(unwanted)) void this.#leave(redis, channels);
  }

  async #request(redis: Redis, channels: readonly string[]): Promise<void> {
    const request: Request = { active: false };
    for (const channel of channels) this.#requested.set(channel, request);
    try {
      await (this.#options.sharded ? redis.ssubscribe(...channels) : redis.subscribe(...channels));
    } catch (error) {
      if (this.#connection.redis !== redis) return;
      for (const channel of channels) {
        if (this.#requested.get(channel) === request) this.#requested.delete(channel);
      }
      this.#refused(error);
      return;
    }
    if (this.#connection.redis !== redis) return;
    request.active = true;
    const active = channels.filter((channel) => this.#requested.get(channel) === request && this.#wanted.has(channel));
    if (active.length > 0) this.#events.active(active);
  }

  #refused(error: unknown): void {
    const reason = reasonOf(error);
    // After MOVED, ioredis raises `moved`, and its listener requests the masters.
    if (!reason.startsWith('MOVED ') && !this.#loggedRefusal) {
      this.#loggedRefusal = true;
      this.#options.log.error({ reason }, 'Redis refused a subscription or the end of one; retrying');
    }
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      this.#requestMissing();
      this.#leaveAgain();
    }, RETRY_MS);
  }

  #commandsOf(channels: readonly string[]): Iterable<readonly string[]> {
    if (channels.length === 0) return [];
    return this.#options.sharded ? bySlot(channels) : portionsOf(channels);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function bySlot(channels: readonly string[]): Iterable<readonly string[]> {
  const slots = new Map<number, string[]>();
  for (const channel of channels) {
    const slot = slotOf(channel);
    const others = slots.get(slot);
    if (others === undefined) slots.set(slot, [channel]);
    else others.push(channel);
  }
  return slots.values();
}

function* portionsOf(channels: readonly string[]): Iterable<readonly string[]> {
  for (let i = 0; i < channels.length; i += MAX_CHANNELS) yield channels.slice(i, i + MAX_CHANNELS);
}
