/** The shared state in Redis 7 or later, or in a Redis Cluster. */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { decodeEntry, encodeEntry } from '../membership/node-entry.js';
import { parseRedisUrl, type Sentinels } from './address.js';
import { RedisClusterKeys, RedisServerKeys, type RedisKeys, type RedisKeysOptions } from './keys.js';
import { announceScript, attemptScript, countScript, takeBackScript } from './scripts.js';
import { DEFAULT_PING_MS } from './transport.js';
import {
  SharedStateError,
  type Counted,
  type Listed,
  type NodeEntry,
  type NodeList,
  type SharedState,
  type ThrottlePolicy,
} from '../membership/shared-state.js';

export interface RedisSharedStateOptions {
  /** As for the bus, and the next. */
  readonly url: string;
  readonly cluster: boolean;
  readonly sentinels?: Sentinels | undefined;
  /** Prefix of all keys; the nodes of a cluster share it. */
  readonly keyPrefix: string;
  readonly log: Logger;
  /** As for the bus. */
  readonly pingEveryMs?: number | undefined;
  /** Time after which an operation is rejected, in ms. Default 1000. */
  readonly timeoutMs?: number | undefined;
}

const DEFAULT_TIMEOUT_MS = 1_000;
/** Operations in progress at a time: while Redis does not answer, more would only take memory. */
const MAX_IN_PROGRESS = 1_000;

/** Connects in the background and retries for ever, so Redis need not be available yet. */
export class RedisSharedState implements SharedState {
  readonly #keys: RedisKeys;
  readonly #prefix: string;
  readonly #timeoutMs: number;
  /** Settles with the first connection, or after `timeoutMs`: an operation at start waits instead of failing. */
  readonly #started: Promise<void>;
  #inProgress = 0;
  #closed = false;

  /** @throws Error when the URL is invalid; its message does not contain the URL. */
  constructor(options: RedisSharedStateOptions) {
    const { url, cluster, keyPrefix, log, pingEveryMs = DEFAULT_PING_MS, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
    const address = parseRedisUrl(url, options.sentinels);
    this.#prefix = keyPrefix;
    this.#timeoutMs = timeoutMs;
    let start: () => void = () => undefined;
    this.#started = new Promise((resolve) => (start = resolve));
    setTimeout(start, timeoutMs).unref();
    const keys: RedisKeysOptions = { address, log, pingEveryMs, onConnected: start };
    this.#keys = cluster ? new RedisClusterKeys(keys) : new RedisServerKeys(keys);
  }

  async announce(entry: NodeEntry, leaseMs: number): Promise<NodeList> {
    const reply = await this.#run('nodes', (redis, key) =>
      redis.eval(announceScript, 1, key, entry.run, encodeEntry(entry), String(Math.ceil(leaseMs))),
    );
    return readList(reply);
  }

  async leave(run: string): Promise<void> {
    await this.#run('nodes', (redis, key) => redis.hdel(key, run));
  }

  async count(key: string, windowMs: number): Promise<Counted> {
    const reply = await this.#run(`count:${key}`, (redis, name) =>
      redis.eval(countScript, 1, name, String(Math.ceil(windowMs))),
    );
    const [count, endsInMs] = Array.isArray(reply) ? (reply as readonly unknown[]) : [];
    if (typeof count !== 'number' || typeof endsInMs !== 'number') throw unexpected();
    return { count, endsInMs };
  }

  async attempt(key: string, { free, firstWaitMs, longestWaitMs, keepMs }: ThrottlePolicy): Promise<number> {
    const policy = [free, firstWaitMs, longestWaitMs, keepMs].map(String);
    const wait = await this.#run(`attempts:${key}`, (redis, name) => redis.eval(attemptScript, 1, name, ...policy));
    if (typeof wait !== 'number') throw unexpected();
    return wait;
  }

  async clear(key: string): Promise<void> {
    await this.#run(`attempts:${key}`, (redis, name) => redis.del(name));
  }

  async takeBack(key: string): Promise<void> {
    await this.#run(`attempts:${key}`, (redis, name) => redis.eval(takeBackScript, 1, name));
  }

  close(): void {
    this.#closed = true;
    this.#keys.close();
  }

  async #run<Reply>(key: string, command: (redis: Redis, key: string) => Promise<Reply>): Promise<Reply> {
    if (this.#inProgress >= MAX_IN_PROGRESS) throw new SharedStateError('too many operations wait for Redis');
    this.#inProgress++;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new SharedStateError(`Redis did not answer in ${this.#timeoutMs} ms`));
      }, this.#timeoutMs);
    });
    try {
      return await Promise.race([this.#command(this.#prefix + key, command), late]);
    } finally {
      clearTimeout(timer);
      this.#inProgress--;
    }
  }

  async #command<Reply>(name: string, command: (redis: Redis, name: string) => Promise<Reply>): Promise<Reply> {
    await this.#started;
    const redis = this.#redisFor(name);
    try {
      return await command(redis, name);
    } catch (error) {
      if (!isMoved(error)) throw refusal(error);
    }
    await this.#keys.refresh();
    try {
      return await command(this.#redisFor(name), name);
    } catch (error) {
      throw refusal(error);
    }
  }

  #redisFor(name: string): Redis {
    if (this.#closed) throw new SharedStateError('the shared state is closed');
    const redis = this.#keys.redisFor(name);
    if (redis === undefined) throw new SharedStateError('no connection to Redis');
    return redis;
  }
}

/** Reads the answer of `announceScript`. */
function readList(reply: unknown): NodeList {
  if (!Array.isArray(reply)) throw unexpected();
  const [now, known, ...rest] = reply as readonly unknown[];
  if (typeof now !== 'number') throw unexpected();
  const nodes: Listed<NodeEntry>[] = [];
  for (let i = 0; i < rest.length; i += 2) {
    const [renewedAt, text] = [rest[i], rest[i + 1]];
    const entry = typeof text === 'string' ? decodeEntry(text) : undefined;
    if (entry !== undefined && typeof renewedAt === 'number' && renewedAt > 0) nodes.push({ ...entry, renewedAt });
  }
  return { now, nodes, known: known === 1, malformed: Math.ceil(rest.length / 2) - nodes.length };
}

/** Keeps the message only: the error objects of ioredis contain the command that was sent. */
function refusal(error: unknown): SharedStateError {
  return new SharedStateError(error instanceof Error ? error.message : String(error));
}

function isMoved(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('MOVED ');
}

function unexpected(): SharedStateError {
  return new SharedStateError('unexpected answer from Redis');
}
