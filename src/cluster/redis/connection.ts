/** One monitored connection to a Redis server, which reconnects for ever. */
import type { Socket } from 'node:net';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { connectionOptions, serverName, type RedisAddress } from './address.js';

export interface ConnectionOptions {
  /** Shown in logs and in the server's list of clients. */
  readonly purpose: string;
  /** Called for each attempt to connect. */
  readonly address: () => RedisAddress;
  readonly log: Logger;
  readonly pingEveryMs: number;
  /** Whether a replica will do; else a connection to one is given up. Default false. */
  readonly acceptsReplica?: boolean | undefined;
}

export interface ConnectionEvents {
  /** The connection is established. */
  ready(redis: Redis): void;
  /** The connection is lost; called once after each `ready`. */
  lost(): void;
}

/** Unanswered pings after which a connection is given up; an attempt to connect has the same time. */
const MAX_UNANSWERED = 2;
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 2_000;
const IS_REPLICA = 'the server is a replica: it was demoted, or the address leads to one';

/**
 * Each ioredis client connects once. Reconnecting is done here, with a new client each time, so that nothing of a lost
 * connection survives: no commands are sent again, and no subscription exists without our knowledge.
 *
 * Pings detect half-open connections. Unanswered pings are counted instead of measuring time: a thread that was blocked
 * for seconds must not take its own delay for one of the server.
 *
 * A ping also asks for the role of the server: a failover may demote a master without closing its connections, and a
 * replica accepts PUBLISH but passes nothing on. The next attempt to connect finds the new master, where the address or a
 * Sentinel leads to it.
 */
export class RedisConnection {
  readonly #options: ConnectionOptions;
  readonly #events: ConnectionEvents;
  readonly #heartbeat: NodeJS.Timeout;
  /** The client of the present attempt or connection. */
  #redis: Redis | undefined;
  #ready = false;
  #unanswered = 0;
  #attempts = 0;
  #retry: NodeJS.Timeout | undefined;
  #loggedLoss = false;
  /** Whether the present server tells its role. */
  #tellsRole = false;
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

  /** The client, while it is connected. */
  get redis(): Redis | undefined {
    return this.#ready ? this.#redis : undefined;
  }

  /** Data was received, so the server is alive, even if the answer to a ping is still queued behind other data. */
  received(): void {
    this.#unanswered = 0;
  }

  /** Closes the connection and ends its attempts; no event follows. */
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
    this.#tellsRole = false;
    const redis = new Redis({
      ...connectionOptions(to, this.#attempts),
      connectionName: `synckit-${purpose}`,
      disableClientInfo: true,
      lazyConnect: true,
      retryStrategy: null,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      autoResubscribe: false,
      autoResendUnfulfilledCommands: false,
      // The check sends INFO, which a bus does not need and its user may not be allowed.
      enableReadyCheck: false,
      connectTimeout: pingEveryMs * (MAX_UNANSWERED + 1),
      // A half-open connection can't be closed properly, so closing must not wait.
      disconnectTimeout: 1,
      reconnectOnError: (error) => {
        if (error.message.startsWith('READONLY')) this.#lose(redis, IS_REPLICA);
        return false; // reconnecting is done here
      },
    });
    this.#redis = redis;
    this.#unanswered = 0;
    this.#lastError = undefined;
    // Only the message is kept: it names host and port, but the error object also contains the command that was sent.
    redis.on('error', (error: Error) => (this.#lastError = error.message));
    redis.once('ready', () => {
      void this.#begin(redis);
    });
    redis.once('end', () => {
      this.#lose(redis, this.#lastError ?? 'closed by the server');
    });
    redis.connect().catch((error: unknown) => {
      // For a closed socket this error follows a more specific one, which is kept.
      if (error instanceof Error) this.#lastError ??= error.message;
    });
  }

  /** Uses a new connection, unless it leads to a replica. */
  async #begin(redis: Redis): Promise<void> {
    const { purpose, log, acceptsReplica } = this.#options;
    const role = acceptsReplica === true ? undefined : await roleOf(redis);
    if (this.#redis !== redis) return;
    if (role === 'replica') {
      this.#lose(redis, IS_REPLICA);
      return;
    }
    this.#tellsRole = role !== undefined;
    this.#ready = true;
    this.#attempts = 0;
    this.#unanswered = 0;
    const { remoteAddress: host = '', remotePort: port = 0 } = redis.stream as Partial<Socket>;
    log.info({ redis: serverName({ host, port }), connection: purpose }, 'connected to Redis');
    this.#loggedLoss = false;
    this.#events.ready(redis);
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
    if (this.#tellsRole) {
      void roleOf(redis).then((role) => {
        answered();
        if (role === 'replica') this.#lose(redis, IS_REPLICA);
      });
      return;
    }
    // An error is an answer too. The rejection of a connection that has ended has no effect.
    redis.ping().then(answered, answered);
  }

  #lose(redis: Redis, reason: string): void {
    if (this.#redis !== redis) return;
    const wasReady = this.#ready;
    this.#redis = undefined;
    this.#ready = false;
    redis.disconnect();
    // Half of the delay is random, so that clients that lost a server together do not reconnect together.
    const delay = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#attempts++, 10));
    this.#retry = setTimeout(
      () => {
        this.#connect();
      },
      delay / 2 + (Math.random() * delay) / 2,
    );
    if (!this.#loggedLoss) {
      this.#loggedLoss = true;
      this.#options.log.warn({ connection: this.#options.purpose, reason }, 'no connection to Redis; retrying');
    }
    if (wasReady) this.#events.lost();
  }
}

/**
 * The role that a server says it has: `master` or `replica`. Undefined where it does not say: an error, or something in
 * front of Redis that does not know the command.
 */
async function roleOf(redis: Redis): Promise<string | undefined> {
  try {
    // Unlike ROLE and INFO, every user may send it.
    const reply: unknown = await redis.call('HELLO');
    if (!Array.isArray(reply)) return undefined;
    // Names and values in turn.
    const facts: readonly unknown[] = reply;
    const role = facts.find((_, i) => facts[i - 1] === 'role');
    return typeof role === 'string' ? role : undefined;
  } catch {
    return undefined;
  }
}
