/** The connection to a Redis server that is subscribed to channels, and keeps them subscribed. */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { RedisAddress } from './address.js';
import { RedisConnection } from './connection.js';
import { slotOf } from './slots.js';

export interface SubscriberOptions {
  readonly address: () => RedisAddress;
  /** Whether the commands are those of sharded pub/sub, of which each is about the channels of one slot. */
  readonly sharded: boolean;
  readonly log: Logger;
  readonly pingEveryMs: number;
}

export interface SubscriberEvents {
  message(channel: string, bytes: Uint8Array): void;
  /** These channels are subscribed from now on. */
  active(channels: readonly string[]): void;
  /** These were, and are no longer; they will be again. */
  lost(channels: readonly string[]): void;
  /** The connection was made or lost. */
  changed(): void;
  /** The server no longer has the slot of some channel. */
  moved(): void;
}

/** Channels of one command. */
const MAX_CHANNELS = 10_000;
const RETRY_MS = 1_000;

/** One command that subscribes; the channels share it, so an old one can be told from the one that counts. */
interface Request {
  active: boolean;
}

export class RedisSubscriber {
  readonly #options: SubscriberOptions;
  readonly #events: SubscriberEvents;
  readonly #connection: RedisConnection;
  readonly #wanted = new Set<string>();
  /** What the server was asked for on this connection. */
  readonly #requested = new Map<string, Request>();
  /** Channels for which the two above may differ. */
  #changed = new Set<string>();
  #flushing: NodeJS.Immediate | undefined;
  #retry: NodeJS.Timeout | undefined;
  #saidRefused = false;

  constructor(options: SubscriberOptions, events: SubscriberEvents) {
    this.#options = options;
    this.#events = events;
    this.#connection = new RedisConnection(
      { ...options, purpose: 'subscriber' },
      {
        ready: (redis) => {
          this.#listen(redis);
          this.#askAgain();
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

  /** Subscribes again to everything; to the server that is nothing new where it still holds. */
  renew(): void {
    this.#forgetRequests();
    this.#askAgain();
  }

  close(): void {
    clearTimeout(this.#retry);
    clearImmediate(this.#flushing);
    this.#connection.close();
  }

  #listen(redis: Redis): void {
    const receive = (channel: Buffer, bytes: Buffer): void => {
      if (this.#connection.redis !== redis) return;
      this.#connection.heard();
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
    if (this.#connection.redis === undefined) this.#requested.clear();
    // Those that are not wanted are still to be given up.
    else for (const channel of this.#wanted) this.#requested.delete(channel);
    if (lost.length > 0) this.#events.lost(lost.map(([channel]) => channel));
  }

  #askAgain(): void {
    for (const channel of this.#wanted) if (!this.#requested.has(channel)) this.#change(channel);
  }

  #change(channel: string): void {
    this.#changed.add(channel);
    this.#flushing ??= setImmediate(() => {
      this.#flushing = undefined;
      this.#flush();
    });
  }

  /** Gives the server what changed in this turn of the event loop. */
  #flush(): void {
    const changed = this.#changed;
    this.#changed = new Set();
    const redis = this.#connection.redis;
    if (redis === undefined) return; // everything is asked for when there is a connection
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
        // Given up and wanted again within a turn.
        stillActive.push(channel);
      }
    }
    for (const channel of toUnsubscribe) this.#requested.delete(channel);
    for (const channels of this.#commandsOf(toUnsubscribe)) {
      // What went wrong with it shows by messages that nobody wants, which are ignored.
      const done = this.#options.sharded ? redis.sunsubscribe(...channels) : redis.unsubscribe(...channels);
      done.catch(() => undefined);
    }
    for (const channels of this.#commandsOf(toSubscribe)) void this.#request(redis, channels);
    if (stillActive.length > 0) this.#events.active(stillActive);
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
    const reason = error instanceof Error ? error.message : String(error);
    // Where a slot has moved to is found out by who hears of `moved`, which the client raises.
    if (!reason.startsWith('MOVED ') && !this.#saidRefused) {
      this.#saidRefused = true;
      this.#options.log.error({ reason }, 'Redis refused a subscription; it will be tried again');
    }
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      this.#askAgain();
    }, RETRY_MS);
  }

  #commandsOf(channels: readonly string[]): Iterable<readonly string[]> {
    if (channels.length === 0) return [];
    return this.#options.sharded ? bySlot(channels) : portionsOf(channels);
  }
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
