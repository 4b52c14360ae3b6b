/** Whether a Redis can be used, before a server is started. */
import { Redis } from 'ioredis';
import { connectionOptions, parseRedisUrl, type Sentinels } from './address.js';

/** Time to connect and to answer, in ms. */
const TIMEOUT_MS = 5_000;

/** @returns Why not, without the password; undefined when it answers. */
export async function redisProblem(url: string, sentinels: Sentinels | undefined): Promise<string | undefined> {
  const redis = new Redis({
    ...connectionOptions(parseRedisUrl(url, sentinels)),
    connectionName: 'synckit-check',
    disableClientInfo: true,
    lazyConnect: true,
    retryStrategy: null,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
    connectTimeout: TIMEOUT_MS,
    commandTimeout: TIMEOUT_MS,
  });
  // Of the failed attempt; the rejection that follows says only that the connection is closed.
  let reason: string | undefined;
  redis.on('error', (error: Error) => (reason ??= error.message));
  try {
    await redis.connect();
    await redis.ping();
    return undefined;
  } catch (error) {
    return reason ?? (error instanceof Error ? error.message : String(error));
  } finally {
    redis.disconnect();
  }
}
