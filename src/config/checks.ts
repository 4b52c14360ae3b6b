/** What must hold between variables. A check is left out while one of its variables is itself bad. */
import type { Values } from './derive.js';
import { formatSize } from './kinds.js';

interface Check {
  readonly of: readonly (keyof Values)[];
  /** Whether the values are refused. */
  readonly refuses: (values: Values) => boolean;
  readonly sentence: (values: Values) => string;
}

export const checks: readonly Check[] = [
  {
    of: ['environment', 'jwtSecret'],
    refuses: (values) => values.environment === 'production' && values.jwtSecret === undefined,
    sentence: () =>
      'JWT_SECRET must be set when NODE_ENV is production: a secret of at least 32 characters, for example from `openssl rand -base64 48`',
  },
  {
    // The Postgres adapter is not written yet: this check goes when it comes.
    of: ['databaseUrl'],
    refuses: (values) => /^postgres(ql)?:/.test(values.databaseUrl ?? ''),
    sentence: () =>
      'DATABASE_URL names a Postgres database, which this version does not support: leave it empty for embedded storage in SYNCKIT_DATA_DIR',
  },
  {
    // As above, for the bus between nodes.
    of: ['redisUrl'],
    refuses: (values) => values.redisUrl !== undefined,
    sentence: () => 'REDIS_URL is set, but this version runs as a single node: leave it empty',
  },
  {
    of: ['redisUrl', 'databaseUrl'],
    refuses: (values) => values.redisUrl !== undefined && !/^postgres(ql)?:/.test(values.databaseUrl ?? ''),
    sentence: () =>
      'REDIS_URL needs DATABASE_URL to name a Postgres database: nodes that share a bus must share their storage',
  },
  {
    of: ['dbPoolMin', 'dbPoolMax'],
    refuses: (values) => values.dbPoolMin > values.dbPoolMax,
    sentence: (values) => `DB_POOL_MIN (${values.dbPoolMin}) must not be larger than DB_POOL_MAX (${values.dbPoolMax})`,
  },
  {
    of: ['heartbeatIntervalMs', 'heartbeatTimeoutMs'],
    refuses: (values) => values.heartbeatTimeoutMs <= values.heartbeatIntervalMs,
    sentence: (values) =>
      `WS_HEARTBEAT_TIMEOUT (${values.heartbeatTimeoutMs}) must be larger than WS_HEARTBEAT_INTERVAL (${values.heartbeatIntervalMs})`,
  },
  {
    of: ['drainMs', 'drainDeadlineMs'],
    refuses: (values) => values.drainDeadlineMs <= values.drainMs,
    sentence: (values) =>
      `SHUTDOWN_DEADLINE_MS (${values.drainDeadlineMs}) must be larger than SHUTDOWN_DRAIN_MS (${values.drainMs})`,
  },
  {
    of: ['maxChunkedBytes', 'maxQueuedBytes', 'maxPayloadBytes'],
    refuses: (values) => values.maxQueuedBytes < largestMessage(values),
    sentence: (values) =>
      `SYNCKIT_MAX_QUEUED_BYTES must be at least ${formatSize(largestMessage(values))}, the larger of WS_MAX_PAYLOAD_BYTES and SYNCKIT_MAX_CHUNKED_BYTES: a message of that size could never be taken`,
  },
];

function largestMessage(values: Values): number {
  return Math.max(values.maxPayloadBytes, values.maxChunkedBytes);
}
