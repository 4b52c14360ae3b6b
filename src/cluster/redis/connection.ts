/** One watched connection to a Redis server, made again for ever. */
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { connectionOptions, serverName, type RedisAddress } from './address.js';

export interface ConnectionOptions {
  /** What the connection is for; shown in logs and in the server's list of clients. */
  readonly purpose: string;
  /** Asked for at each attempt. */
  readonly address: () => RedisAddress;
  readonly log: Logger;
  readonly pingEveryMs: number;
}

export interface ConnectionEvents {
  ready(redis: Redis): void;
  /** After each `ready`. */
  lost(): void;
}

/** Pings without an answer after which a connection is given up, and the same time for setting one up. */
const MAX_UNANSWERED = 2;
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 2_000;

/**
 * ioredis connects once; what comes after a loss is done here, with a new client each time, so that nothing of a lost
 * connection lives on: no commands sent again, no subscriptions that nobody knows of.
 *
 * A connection whose other end is gone without a word (half-open) is noticed by pings. They are counted, not timed: a
 * thread that was busy for seconds must not take its own silence for that of the server.
 */
export class RedisConnection {
  readonly #options: ConnectionOptions;
  readonly #events: ConnectionEvents;
  readonly #heartbeat: NodeJS.Timeout;
  /** The present attempt or connection. */
  #redis: Redis | undefined;
  #ready = false;
  #unanswered = 0;
  #attempts = 0;
  #retry: NodeJS.Timeout | undefined;
  #saidLost = false;
  #lastError: string | undefined;

  constructor(options: ConnectionOptions, events: ConnectionEvents) {
    this.#options = options;
    this.#events = events;
    this.#heartbeat = setInterval(() => {
      this.#beat();
    }, options.pingEveryMs);
    this.#retry = setTimeout(() => {
      this.#connect();
    }, 0);
  }

  /** The client while it can be used. */
  get redis(): Redis | undefined {
    return this.#ready ? this.#redis : undefined;
  }

  /** Something was received, so the other end lives, even if its answer to a ping is still behind other data. */
  heard(): void {
    this.#unanswered = 0;
  }

  /** Ends the connection and its attempts; no event is raised afterwards. */
  close(): void {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#retry);
    const redis = this.#redis;
    this.#redis = undefined;
    this.#ready = false;
    redis?.disconnect();
  }

  #connect(): void {
    const { purpose, address, pingEveryMs } = this.#options;
    const to = address();
    const redis = new Redis({
      ...connectionOptions(to),
      connectionName: `synckit-${purpose}`,
      disableClientInfo: true,
      lazyConnect: true,
      retryStrategy: null,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      autoResubscribe: false,
      autoResendUnfulfilledCommands: false,
      // It asks whether the data is loaded, for which a bus has no use, nor perhaps the permission.
      enableReadyCheck: false,
      connectTimeout: pingEveryMs * (MAX_UNANSWERED + 1),
      // To a half-open connection one can't say goodbye.
      disconnectTimeout: 1,
    });
    this.#redis = redis;
    this.#unanswered = 0;
    this.#lastError = undefined;
    // Messages of errors name hosts and ports; the errors themselves also hold what was sent.
    redis.on('error', (error: Error) => (this.#lastError = error.message));
    redis.once('ready', () => {
      if (this.#redis !== redis) return;
      this.#ready = true;
      this.#attempts = 0;
      this.#unanswered = 0;
      this.#options.log.info({ redis: serverName(to), connection: purpose }, 'connected to Redis');
      this.#saidLost = false;
      this.#events.ready(redis);
    });
    redis.once('end', () => {
      this.#lose(redis, this.#lastError ?? 'closed by the server');
    });
    redis.connect().catch((error: unknown) => {
      // Also for a closed socket, which says less than the error before it.
      if (error instanceof Error) this.#lastError ??= error.message;
    });
  }

  #beat(): void {
    const redis = this.#redis;
    if (redis === undefined) return;
    if (++this.#unanswered > MAX_UNANSWERED) {
      this.#lose(redis, this.#ready ? 'no answer to pings' : 'no answer');
      return;
    }
    if (!this.#ready) return;
    const answered = (): void => {
      if (this.#redis === redis) this.#unanswered = 0;
    };
    // An error is an answer, too; that of a connection that has ended comes to nothing.
    redis.ping().then(answered, answered);
  }

  #lose(redis: Redis, reason: string): void {
    if (this.#redis !== redis) return;
    const wasReady = this.#ready;
    this.#redis = undefined;
    this.#ready = false;
    redis.disconnect();
    // Half of the delay is random: what lost its server at the same time must not come back at the same time.
    const delay = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#attempts++, 10));
    this.#retry = setTimeout(
      () => {
        this.#connect();
      },
      delay / 2 + (Math.random() * delay) / 2,
    );
    if (!this.#saidLost) {
      this.#saidLost = true;
      this.#options.log.warn({ connection: this.#options.purpose, reason }, 'no connection to Redis; retrying');
    }
    if (wasReady) this.#events.lost();
  }
}
