/** A cluster of two server processes with a Postgres and a Redis of their own. */
import type { Test } from 'tap';
import { server } from './fixture.js';
import { database } from '../postgres/postgres.js';
import { startRedis, type RedisServer } from '../redis/redis.js';
import type { ServerProcess } from './server.js';

export interface Cluster {
  readonly nodes: readonly [ServerProcess, ServerProcess];
  readonly redis: RedisServer;
  /** What a further node needs, besides a `SYNCKIT_NODE_ID`. */
  readonly env: NodeJS.ProcessEnv;
}

/** @param more Variables of both nodes. */
export async function cluster(t: Test, more: NodeJS.ProcessEnv = {}): Promise<Cluster> {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const { url } = await database(t);
  const env = { DATABASE_URL: url, REDIS_URL: redis.url, SHARDS: '2', DB_POOL_MAX: '4', ...more };
  const first = await server(t, { ...env, SYNCKIT_NODE_ID: 'one' });
  const second = await server(t, { ...env, SYNCKIT_NODE_ID: 'two' });
  return { nodes: [first, second], redis, env };
}
