/** The values that are derived from several variables, or from the host. */
import { createHash, randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { authOf, type AuthConfig } from './auth.js';
import { changesOf, webhookOf, type ChangesConfig, type WebhookConfig } from './changes.js';
import { hasIdentityProvider } from './variables/identity-provider.js';
import type { Sentinels } from '../cluster/redis/address.js';
import { usableCores } from './cores.js';
import { descriptorLimit } from './descriptors.js';
import { readPm2 } from './pm2.js';
import { validateOf, type ValidateConfig } from './validate.js';
import type { variables } from './variables/table.js';
import type { ValueOf } from './variable.js';

/** The values of the table as they were read; undefined where the default is derived. */
export type Values = { readonly [K in keyof typeof variables]: ValueOf<(typeof variables)[K]> };

/** Where documents are stored. */
export type StorageConfig =
  | {
      readonly kind: 'embedded';
      /** Absolute path; the folder may not exist yet. */
      readonly directory: string;
      readonly mapBytes: number;
    }
  | { readonly kind: 'memory' }
  | {
      readonly kind: 'postgres';
      /** Contains the password. */
      readonly url: string;
      /** Of the whole process, like `maxConnections`. */
      readonly minConnections: number;
      readonly maxConnections: number;
      readonly connectTimeoutMs: number;
      readonly statementTimeoutMs: number;
      readonly autoMigrate: boolean;
    };

/** The bus between the nodes of a cluster. */
export interface BusConfig {
  /** May contain a password. */
  readonly url: string;
  readonly channelPrefix: string;
  /** Whether it is a Redis Cluster. */
  readonly cluster: boolean;
  /** Where the master is asked for; undefined when `url` names it. */
  readonly sentinels: Sentinels | undefined;
  /** Time between two comparisons of documents with storage, in ms. */
  readonly compareMs: number;
}

/** A limit for one address; 0 = none. */
export interface AddressLimit {
  /** For each address of this host. */
  readonly loopback: number;
  readonly others: number;
}

/** The derived values of `Config`. */
export interface Derived {
  readonly storage: StorageConfig;
  /** Never empty: outside production, a random secret when JWT_SECRET is not set. */
  readonly jwtSecret: string;
  readonly authRequired: boolean;
  readonly auth: AuthConfig;
  /** The application that is asked about writes. */
  readonly validate: ValidateConfig | undefined;
  /** Undefined where the feed of changes is off. */
  readonly changes: ChangesConfig | undefined;
  /** Undefined where nobody is told of changes. */
  readonly webhook: WebhookConfig | undefined;
  /** Undefined for a single node. */
  readonly bus: BusConfig | undefined;
  readonly connectionsPerAddress: AddressLimit;
  /** Per second. */
  readonly handshakesPerAddress: AddressLimit;
  /** HTTP requests per second. */
  readonly requestsPerAddress: AddressLimit;
  /** Connections that may be unauthenticated. */
  readonly maxUnauthenticatedConnections: number;
  /** Sockets of clients. */
  readonly maxSockets: number;
  /** To listen on. */
  readonly host: string;
  /** Whether other processes may listen on `port` too: those of PM2, of a cluster, or that are numbered. */
  readonly sharesPort: boolean;
  /** Whether there is a page to try documents on. */
  readonly playground: boolean;
  /** Files in PEM; undefined without TLS. */
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined;
  /** Whether authentication is off only because nothing was configured. */
  readonly isOpenByDefault: boolean;
  /** `['*']` for every origin. */
  readonly corsOrigins: readonly string[];
  readonly shards: number;
  readonly nodeId: string;
  /** Client id of writes that have none: the same at each start, and does not reveal the host name. */
  readonly writerId: string;
  /** The node's name in HTTP answers: SYNCKIT_NODE_ID if set, else a name that does not reveal the host name. */
  readonly publicNodeId: string;
  /** File that the log is appended to; undefined for standard output. */
  readonly logFile: string | undefined;
  /** `idleTimeout` of uWS with `sendPingsAutomatically`, in seconds; satisfies both heartbeat variables. */
  readonly idleTimeoutSeconds: number;
  /** Sentences to be logged at start. */
  readonly notices: readonly string[];
}

export function derive(values: Values, env: NodeJS.ProcessEnv): Derived {
  const production = values.environment === 'production';
  const pm2 = readPm2(env);
  const severalProcesses = values.instance > 0 || (pm2?.processes ?? 1) > 1;
  const storage = storageOf(values);
  const nodeId = nodeIdOf(values);
  const writerId = `node-${createHash('sha256').update(nodeId).digest('base64url').slice(0, 12)}`;
  const authRequired =
    values.authRequired ?? (production || values.jwtSecret !== undefined || hasIdentityProvider(values));
  const isOpenByDefault = !authRequired && values.authRequired === undefined;
  return {
    storage,
    jwtSecret: values.jwtSecret ?? randomBytes(48).toString('base64url'),
    authRequired,
    auth: authOf(values),
    validate: validateOf(values),
    bus: busOf(values),
    changes: changesOf(values),
    webhook: webhookOf(values),
    host: values.hostAddress?.replace(/^\[(.*)\]$/, '$1') ?? (isOpenByDefault ? '127.0.0.1' : '0.0.0.0'),
    sharesPort: severalProcesses || values.redisUrl !== undefined || (env['NODE_APP_INSTANCE'] ?? '') !== '',
    playground: values.playground ?? !production,
    tls: tlsOf(values),
    isOpenByDefault,
    corsOrigins: values.corsOriginList ?? values.corsOrigin ?? (production || isOpenByDefault ? [] : ['*']),
    connectionsPerAddress: perAddress(values.maxConnectionsPerIp, 50),
    handshakesPerAddress: perAddress(values.maxHandshakesPerSecond, 20),
    requestsPerAddress: perAddress(values.maxHttpRequestsPerSecond, 20),
    maxUnauthenticatedConnections: values.maxUnauthenticated ?? Math.ceil(values.maxConnections / 10),
    maxSockets: Math.min(wantedSockets(values), descriptorLimit() - RESERVED_DESCRIPTORS),
    shards: values.shards ?? defaultShards(severalProcesses, storage, usableCores()),
    nodeId,
    writerId,
    publicNodeId: values.nodeId === undefined ? writerId : nodeId,
    logFile: pm2?.logFile,
    idleTimeoutSeconds: idleTimeout(values.heartbeatIntervalMs, values.heartbeatTimeoutMs),
    notices: noticesOf(values, storage, { authRequired, severalProcesses }),
  };
}

function tlsOf({ tlsCertFile: certFile, tlsKeyFile: keyFile }: Values): Derived['tls'] {
  return certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile };
}

function busOf(values: Values): BusConfig | undefined {
  const {
    redisUrl: url,
    redisChannelPrefix: channelPrefix,
    redisCluster: cluster,
    clusterCompareMs: compareMs,
  } = values;
  if (url === undefined) return undefined;
  const { redisSentinels: addresses, redisSentinelMaster: master, redisSentinelPassword: password } = values;
  const sentinels = addresses.length === 0 ? undefined : { addresses, master, password };
  return { url, channelPrefix, cluster, sentinels, compareMs };
}

/** One core is left to the acceptor's thread. Several processes share the cores, so each has one shard. */
function defaultShards(severalProcesses: boolean, storage: StorageConfig, cores: number): number {
  const max = storage.kind === 'postgres' ? Math.min(4, storage.maxConnections) : 4;
  return severalProcesses ? 1 : Math.min(max, Math.max(1, cores - 1));
}

/** Files that are not sockets of clients: of the storage, the log, the database and Redis. */
const RESERVED_DESCRIPTORS = 200;

function wantedSockets({ maxSocketCount, maxConnections, maxHttpConnections }: Values): number {
  return maxSocketCount ?? maxConnections + maxHttpConnections;
}

function perAddress(value: number | undefined, others: number): AddressLimit {
  return { loopback: value ?? 0, others: value ?? others };
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
 * uWS has one idle timeout for pings and closing: it sends a ping 4, 8 or 16 s before the timeout, depending on its
 * length, and closes the connection at the timeout. The result is the longest idle timeout, in seconds, with which it
 * pings no later than the interval and closes no later than the timeout.
 */
function idleTimeout(intervalMs: number, timeoutMs: number): number {
  let seconds = Math.min(960, Math.floor(timeoutMs / 1_000));
  while (seconds > 8 && seconds - pongMargin(seconds) > intervalMs / 1_000) seconds -= 1;
  return seconds;
}

/** Seconds that uWS waits for a pong; the algorithm of its calculateIdleTimeoutComponents. */
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
  if (values.jwtSecret === undefined && !hasIdentityProvider(values)) {
    notices.push(
      'JWT_SECRET is not set: tokens are signed and checked with a random secret made at this start, so those from elsewhere or before are not valid.',
    );
  }
  if (values.jwksUrl !== undefined && values.audiences.length === 0) {
    notices.push(
      'JWT_AUDIENCE is not set: tokens that the identity provider issues for other applications are accepted too.',
    );
  }
  if (!authRequired) {
    notices.push(
      values.authRequired === undefined
        ? `Authentication is off, as neither JWT_SECRET nor SYNCKIT_AUTH_REQUIRED is set: every client may read and write every document. The server listens on ${values.hostAddress ?? '127.0.0.1'} and takes pages of this host only.`
        : 'Authentication is off: every client may read and write every document.',
    );
  }
  if (values.environment === 'production' && values.corsOriginList === undefined && values.corsOrigin === undefined) {
    notices.push('CORS_ORIGINS is not set: pages that are not served by the host they connect to are refused.');
  }
  if (values.environment === 'production' && values.metricsEnabled && values.metricsToken === undefined) {
    notices.push(
      'METRICS_TOKEN is not set: /metrics is served on METRICS_PORT only, and /health tells nobody more than the status.',
    );
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
  const sockets = descriptorLimit() - RESERVED_DESCRIPTORS;
  if (sockets < wantedSockets(values)) {
    notices.push(
      `The process may open ${descriptorLimit()} files: it accepts ${sockets} sockets of clients, not ${wantedSockets(values)}. Raise the limit (ulimit -n, LimitNOFILE).`,
    );
  }
  if (values.maxBackpressureBytes < 2 * values.maxTextBytes) {
    notices.push(
      'WS_MAX_BACKPRESSURE_BYTES is less than twice SYNC_MAX_TEXT_BYTES: clients of large texts may be disconnected as too slow.',
    );
  }
  return notices;
}
