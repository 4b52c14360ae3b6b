/** What follows from several variables together, or from the host. */
import { createHash, randomBytes } from 'node:crypto';
import { availableParallelism, hostname } from 'node:os';
import { resolve } from 'node:path';
import { readPm2 } from './pm2.js';
import type { variables } from './table.js';
import type { ValueOf } from './variable.js';

/** The table's values as they were read; undefined where the default follows from something else. */
export type Values = { readonly [K in keyof typeof variables]: ValueOf<(typeof variables)[K]> };

/** Where documents are kept. */
export type StorageConfig =
  | {
      readonly kind: 'embedded';
      /** Absolute path; it may not exist yet. */
      readonly directory: string;
      readonly mapBytes: number;
    }
  | { readonly kind: 'memory' }
  | {
      readonly kind: 'postgres';
      /** Holds the password. */
      readonly url: string;
      /** Of the process, as are the next. */
      readonly minConnections: number;
      readonly maxConnections: number;
      readonly connectTimeoutMs: number;
      readonly statementTimeoutMs: number;
      readonly autoMigrate: boolean;
    };

/** How the nodes of a cluster hear of each other. */
export interface BusConfig {
  /** May hold a password. */
  readonly url: string;
  readonly channelPrefix: string;
  /** Whether it is a Redis Cluster. */
  readonly cluster: boolean;
  /** Between two comparisons of documents with the storage. */
  readonly compareMs: number;
}

/** The values that are not taken from the table as they are. */
export interface Derived {
  readonly storage: StorageConfig;
  /** Never empty: outside production a random one when JWT_SECRET is not set. */
  readonly jwtSecret: string;
  readonly authRequired: boolean;
  /** The bus between nodes; undefined for a node that is alone. */
  readonly bus: BusConfig | undefined;
  /** `['*']` for every origin. */
  readonly corsOrigins: readonly string[];
  readonly shards: number;
  readonly nodeId: string;
  /** Stands for the node in what clients see: the same at every start, but does not tell the name of the host. */
  readonly writerId: string;
  /** The node's name for those who ask over HTTP: as it was chosen, but never the name of the host. */
  readonly publicNodeId: string;
  /** File that the log is appended to; undefined for standard output. */
  readonly logFile: string | undefined;
  /** For uWS's `idleTimeout`, with `sendPingsAutomatically`: honours both heartbeat variables. Seconds. */
  readonly idleTimeoutSeconds: number;
  /** Sentences that the log should hold at start. */
  readonly notices: readonly string[];
}

export function derive(values: Values, env: NodeJS.ProcessEnv): Derived {
  const production = values.environment === 'production';
  const pm2 = readPm2(env);
  const severalProcesses = values.instance > 0 || (pm2?.processes ?? 1) > 1;
  const storage = storageOf(values);
  const nodeId = nodeIdOf(values);
  const writerId = `node-${createHash('sha256').update(nodeId).digest('base64url').slice(0, 12)}`;
  const authRequired = values.authRequired ?? (production || values.jwtSecret !== undefined);
  return {
    storage,
    jwtSecret: values.jwtSecret ?? randomBytes(48).toString('base64url'),
    authRequired,
    bus: busOf(values),
    corsOrigins: values.corsOrigins ?? (production ? [] : ['*']),
    shards: values.shards ?? defaultShards(severalProcesses, storage, availableParallelism()),
    nodeId,
    writerId,
    publicNodeId: values.nodeId === undefined ? writerId : nodeId,
    logFile: pm2?.logFile,
    idleTimeoutSeconds: idleTimeout(values.heartbeatIntervalMs, values.heartbeatTimeoutMs),
    notices: noticesOf(values, storage, { authRequired, severalProcesses }),
  };
}

function busOf({ redisUrl, redisChannelPrefix, redisCluster, clusterCompareMs }: Values): BusConfig | undefined {
  if (redisUrl === undefined) return undefined;
  return { url: redisUrl, channelPrefix: redisChannelPrefix, cluster: redisCluster, compareMs: clusterCompareMs };
}

/** One less than the cores for the shards, because the acceptor has its own thread; several processes share the cores. */
function defaultShards(severalProcesses: boolean, storage: StorageConfig, cores: number): number {
  const most = storage.kind === 'postgres' ? Math.min(4, storage.maxConnections) : 4;
  return severalProcesses ? 1 : Math.min(most, Math.max(1, cores - 1));
}

function nodeIdOf(values: Values): string {
  const suffix = values.instance > 0 ? `:${values.instance}` : '';
  if (values.nodeId !== undefined) return `${values.nodeId}${suffix}`;
  const host = hostname()
    .replace(/[^A-Za-z0-9_.-]/g, '-')
    .slice(0, 56);
  return `${host === '' ? 'node' : host}:${values.instance}`;
}

function storageOf(values: Values): StorageConfig {
  const { databaseUrl: url } = values;
  if (url === 'memory:') return { kind: 'memory' };
  if (url !== undefined) {
    return {
      kind: 'postgres',
      url,
      minConnections: values.dbPoolMin,
      maxConnections: values.dbPoolMax,
      connectTimeoutMs: values.dbConnectTimeoutMs,
      statementTimeoutMs: values.dbStatementTimeoutMs,
      autoMigrate: values.dbAutoMigrate,
    };
  }
  return { kind: 'embedded', directory: resolve(values.dataDirectory), mapBytes: values.storageMapBytes };
}

/**
 * uWS has one number for both: it pings a connection 4, 8 or 16 s before its idle timeout, depending on its length, and
 * closes it at the end. The result is the longest timeout that pings no later than the interval and closes no later
 * than the timeout.
 */
function idleTimeout(intervalMs: number, timeoutMs: number): number {
  let seconds = Math.min(960, Math.floor(timeoutMs / 1_000));
  while (seconds > 8 && seconds - pongMargin(seconds) > intervalMs / 1_000) seconds -= 1;
  return seconds;
}

/** Seconds that uWS gives a pong, as in its calculateIdleTimeoutComponents. */
function pongMargin(seconds: number): number {
  let margin = 4;
  while (margin < 16 && seconds - margin * 2 >= margin * 2) margin *= 2;
  return margin;
}

function noticesOf(
  values: Values,
  storage: StorageConfig,
  { authRequired, severalProcesses }: { readonly authRequired: boolean; readonly severalProcesses: boolean },
): string[] {
  const notices = [];
  if (values.jwtSecret === undefined) {
    notices.push(
      'JWT_SECRET is not set: tokens are checked against a random secret made at this start, so none can be valid.',
    );
  }
  if (!authRequired) {
    notices.push('Authentication is off: every client may read and write every document.');
  }
  if (storage.kind === 'memory') {
    notices.push('DATABASE_URL is memory: documents are kept in memory only and are lost when the server stops.');
  }
  if (severalProcesses && values.redisUrl === undefined) {
    notices.push(
      storage.kind === 'memory'
        ? 'Several processes share this port, and each keeps documents of its own: DATABASE_URL is memory.'
        : 'Several processes share this port without REDIS_URL: what clients of one write, clients of another see only when the document is loaded anew.',
    );
  }
  if (values.maxBackpressureBytes < 2 * values.maxTextBytes) {
    notices.push(
      'WS_MAX_BACKPRESSURE_BYTES is less than twice SYNC_MAX_TEXT_BYTES: clients of large texts may be disconnected as too slow.',
    );
  }
  return notices;
}
