/**
 * Every variable of the server, in one table. The type `Config`, the checks at start and docs/configuration.md are
 * derived from it. The keys are the names of the values in `Config`; they end in their unit.
 */
import { access } from './access.js';
import { admission } from './addresses.js';
import { authentication } from './authentication.js';
import { budgets } from './budgets.js';
import { http } from './http.js';
import { identityProvider } from './identity-provider.js';
import { changes } from './changes.js';
import { flag, hosts, integer, oneOf, origins, secret, size, text } from '../kinds.js';
import { limits } from './limits.js';
import { history } from './history.js';
import { snapshots } from './snapshots.js';
import { sync } from './sync.js';
import { tls } from './tls.js';
import { validation } from './validation.js';
import { variable } from '../variable.js';

const server = {
  environment: variable('NODE_ENV', oneOf('development', 'production', 'test'), {
    default: 'development',
    meaning: 'With `production`, the server refuses settings that are only safe on a development machine.',
  }),
  hostAddress: variable('HOST', text('an address or a host name', /^([\w.:-]+|\[[\da-fA-F:.]+\])$/), {
    defaultWords: '0.0.0.0; 127.0.0.1 where authentication is off only because nothing was configured',
    meaning:
      'Address to listen on, an IPv6 address with or without brackets. Without JWT_SECRET and SYNCKIT_AUTH_REQUIRED, outside production, everybody who reaches the server may read and write everything; then it listens on this host only, unless HOST is set.',
  }),
  port: variable('PORT', integer(0, 65_535), {
    default: '8080',
    meaning: 'Port for WebSocket and HTTP. 0 = any free port.',
  }),
  logLevel: variable('LOG_LEVEL', oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'), {
    default: 'info',
    meaning: 'Lowest level that is logged.',
  }),
  corsOriginList: variable('CORS_ORIGINS', origins(), {
    defaultWords:
      'none in production; outside, those of this host where authentication is off only because nothing was configured, else `*`',
    meaning:
      'Origins whose pages may open WebSockets and read the HTTP answers of the server (CORS). Clients that are no browsers send no `Origin` and may connect in any case, and so may pages from the very host that they connect to.',
    example: 'https://app.example.com,https://admin.example.com',
  }),
  corsOrigin: variable('CORS_ORIGIN', origins(), {
    defaultWords: 'none',
    meaning: 'The same by its name in the reference server; used when CORS_ORIGINS is not set.',
  }),
  shards: variable('SHARDS', integer(1, 64), {
    defaultWords:
      'one less than the number of cores (in a container, of its CPU limit), at least 1 and at most 4; 1 when PM2 runs several processes',
    meaning: 'Number of worker threads. Each holds and merges its share of the documents.',
  }),
  shardStartTimeoutMs: variable('SYNCKIT_SHARD_START_TIMEOUT_MS', integer(100, 3_600_000), {
    default: '30000',
    unit: 'ms',
    meaning:
      'Longest time for a worker thread to open its storage and be ready. At the start of the server, the process ends after it with an error that names the shard; later, the thread is replaced once more.',
  }),
  nodeId: variable('SYNCKIT_NODE_ID', text('1–64 characters of A–Z a–z 0–9 _ . : -', /^[A-Za-z0-9_.:-]{1,64}$/), {
    defaultWords: 'host name and instance number',
    meaning:
      'Name of this node: stable across restarts and unique in the cluster. An instance number above 0 is appended. `/health` shows it to everybody; when it is not set, `/health` shows a name that does not reveal the host name. Writes of clients without a client id are stored under an id derived from it.',
  }),
  instance: variable('NODE_APP_INSTANCE', integer(0, 9_999), {
    default: '0',
    meaning:
      'Number of this process among the processes of the host. PM2 sets it. When it is set, also to 0, or REDIS_URL is, other processes may listen on PORT too; otherwise a second server on the port is refused.',
  }),
  drainMs: variable('SHUTDOWN_DRAIN_MS', integer(0, 600_000), {
    default: '3000',
    unit: 'ms',
    meaning: 'Time over which clients are disconnected on shutdown, so that they do not all reconnect at once.',
  }),
  drainDeadlineMs: variable('SHUTDOWN_DEADLINE_MS', integer(1, 3_600_000), {
    default: '9000',
    unit: 'ms',
    meaning:
      'A shutdown that takes longer is aborted with exit code 1. Must be larger than SHUTDOWN_DRAIN_MS, and smaller than the time after which the process manager kills the process.',
  }),
};

const metrics = {
  metricsEnabled: variable('METRICS_ENABLED', flag(), {
    default: 'true',
    meaning:
      'Whether metrics are collected and `/metrics` is served. They are rendered once a second at most; all who ask meanwhile get the same.',
  }),
  metricsToken: variable('METRICS_TOKEN', secret(16), {
    defaultWords: 'none: outside production anybody may read the metrics, in production nobody on PORT',
    secret: true,
    meaning:
      'If set, `/metrics` requires `Authorization: Bearer <token>`. In production, `/health` and `/rooms` tell document ids, counts and versions only with this token.',
  }),
  metricsPort: variable('METRICS_PORT', integer(0, 65_000), {
    default: '0',
    meaning:
      'Additional port for `/metrics`; the instance number is added to it. Processes that share PORT can be scraped separately there. Without METRICS_TOKEN it answers everybody who reaches it, also in production: do not expose it. 0 = none.',
  }),
};

const storage = {
  databaseUrl: variable(
    'DATABASE_URL',
    text('empty (embedded storage), memory: or postgres://…', /^(memory:|postgres(ql)?:\/\/\S+)$/),
    {
      defaultWords: 'empty: embedded storage in SYNCKIT_DATA_DIR',
      meaning:
        'Where documents are stored. `postgres://` is the URL of a Postgres 15 or later; `sslmode` in its query may be `disable`, `require`, `verify-ca` or `verify-full`, as in libpq. It may name several hosts (`host1:5432,host2:5432`), of which the primary is used, with or without `target_session_attrs=read-write`, and a Unix socket (`postgres://user@/synckit?host=/var/run/postgresql`). A pooler before it must be in session mode. `memory:` stores nothing on disk and is for tests and throw-away nodes.',
      example: 'postgres://synckit:password@db.example.com/synckit?sslmode=verify-full',
      secret: true,
    },
  ),
  dbPoolMin: variable('DB_POOL_MIN', integer(0, 1_000), {
    default: '2',
    meaning: 'Postgres connections that this process keeps open while idle.',
  }),
  dbPoolMax: variable('DB_POOL_MAX', integer(1, 1_000), {
    default: '10',
    meaning:
      'Most Postgres connections of this process. They are divided among the shards: each uses one for commits and the rest of its share for loading documents, or a single one for both.',
  }),
  dbConnectTimeoutMs: variable('DB_CONNECT_TIMEOUT', integer(0, 86_400_000), {
    default: '60000',
    unit: 'ms',
    meaning: 'Longest time that the server waits for the database at start; then the process ends with exit code 1.',
  }),
  dbStatementTimeoutMs: variable('DB_STATEMENT_TIMEOUT', integer(100, 3_600_000), {
    default: '30000',
    unit: 'ms',
    meaning:
      'Longest time for one database statement. A commit that takes longer is retried; for a load, the client gets an error.',
  }),
  dbAutoMigrate: variable('DB_AUTO_MIGRATE', flag(), {
    default: 'true',
    meaning:
      'Whether the server migrates the database schema at start. With `false` it only checks the schema, and `synckit-server migrate` must be run first.',
  }),
  dataDirectory: variable('SYNCKIT_DATA_DIR', text('a path', /./), {
    default: './data',
    meaning:
      'Folder of the embedded storage. Several processes of one host may share it. It must be on a local disk, not on a network drive.',
    example: '/var/lib/synckit',
  }),
  storageMapBytes: variable('SYNCKIT_STORAGE_MAP_BYTES', size(16 * 1024 ** 2, 16 * 1024 ** 4), {
    default: '16GiB',
    unit: 'bytes',
    meaning:
      'Address space that the embedded storage reserves for its file. It uses neither memory nor disk space and is no limit: a file that outgrows it is mapped again with a larger size.',
  }),
};

const cluster = {
  redisUrl: variable('REDIS_URL', text('empty or redis://…', /^rediss?:\/\/\S+$/), {
    defaultWords: 'empty: one node',
    meaning:
      'URL of a Redis 7 or later: the bus between the nodes of a cluster. Clients of all nodes then see each other’s changes live. All nodes must share one Postgres database.',
    secret: true,
  }),
  redisChannelPrefix: variable('REDIS_CHANNEL_PREFIX', text('1–64 characters without spaces', /^\S{1,64}$/), {
    default: 'synckit:',
    meaning: 'Prefix of all channels and keys in Redis. Clusters that share a Redis need different prefixes.',
  }),
  redisCluster: variable('REDIS_CLUSTER', flag(), {
    default: 'false',
    meaning: 'Whether REDIS_URL is a server of a Redis Cluster. If so, sharded pub/sub is used.',
  }),
  redisSentinels: variable('REDIS_SENTINELS', hosts(), {
    default: '',
    meaning:
      'Redis Sentinels that are asked for the present master, at each attempt to connect; those that they know are asked too. Host and port of REDIS_URL then do not count, but its user, password and database do, for the master. With `rediss:`, the Sentinels are reached by TLS too. Empty = REDIS_URL names the master, by a name that follows it.',
    example: 'sentinel-1:26379,sentinel-2:26379,sentinel-3:26379',
  }),
  redisSentinelMaster: variable('REDIS_SENTINEL_MASTER', text('1–64 characters without spaces', /^\S{1,64}$/), {
    default: 'mymaster',
    meaning: 'With REDIS_SENTINELS: the name under which the Sentinels watch the master.',
  }),
  redisSentinelPassword: variable('REDIS_SENTINEL_PASSWORD', secret(1), {
    defaultWords: 'none',
    meaning: 'With REDIS_SENTINELS: the password of the Sentinels themselves, if they have one.',
    secret: true,
  }),
  clusterCompareMs: variable('CLUSTER_COMPARE_INTERVAL', integer(100, 3_600_000), {
    default: '10000',
    unit: 'ms',
    meaning:
      'How often a node of a cluster compares its documents that have subscribers with the database, to find changes that it did not receive: those of a node that was killed between commit and publishing.',
  }),
};

const connections = {
  maxConnections: variable('WS_MAX_CONNECTIONS', integer(1), {
    default: '10000',
    meaning: 'Most WebSocket connections of this process. Further ones are closed with code 1013.',
  }),
  ...admission,
  heartbeatIntervalMs: variable('WS_HEARTBEAT_INTERVAL', integer(4_000, 944_000), {
    default: '30000',
    unit: 'ms',
    meaning:
      'Time without traffic after which a connection is sent a ping. uWebSockets counts in steps of about 4 seconds, so the ping may be sent a little earlier.',
  }),
  heartbeatTimeoutMs: variable('WS_HEARTBEAT_TIMEOUT', integer(8_000, 960_000), {
    default: '60000',
    unit: 'ms',
    meaning:
      'Time without traffic, pongs included, after which a connection is closed. Must be larger than WS_HEARTBEAT_INTERVAL. uWebSockets waits 4 to 16 s for a pong, so a dead connection may be closed earlier.',
  }),
  maxPayloadBytes: variable('WS_MAX_PAYLOAD_BYTES', size(1_024, 1024 ** 3), {
    default: '4MiB',
    unit: 'bytes',
    meaning:
      'Largest WebSocket message. A larger one closes the connection (close code 1006); clients must send it in chunks.',
  }),
  maxBackpressureBytes: variable('WS_MAX_BACKPRESSURE_BYTES', size(1_024, 1024 ** 3), {
    default: '32MiB',
    unit: 'bytes',
    meaning:
      'Most bytes that wait for a slow client. Beyond it the client is disconnected; it then reconnects and subscribes again, so it misses nothing. Texts are sent as a whole, so it should be at least twice SYNC_MAX_TEXT_BYTES.',
  }),
  compression: variable('WS_COMPRESSION', flag(), {
    default: 'off',
    meaning:
      'Whether large messages to clients that offer permessage-deflate are compressed, and compressed messages from them are accepted. Compression takes ten times the CPU of sending uncompressed, on the thread that serves all connections (docs/decisions/008-compression-off.md). It is meant for slow networks and few readers per document.',
  }),
  compressionMinBytes: variable('WS_COMPRESSION_MIN_BYTES', size(64, 1024 ** 3), {
    default: '16KiB',
    unit: 'bytes',
    meaning: 'With WS_COMPRESSION: smaller messages are sent uncompressed.',
  }),
  compressionMaxBytes: variable('WS_COMPRESSION_MAX_BYTES', size(64, 1024 ** 3), {
    default: '4MiB',
    unit: 'bytes',
    meaning:
      'With WS_COMPRESSION: messages whose size times the number of receivers is larger are sent uncompressed. A message is compressed once per receiver, and no other connection is served meanwhile; 4 MiB take about 20 ms.',
  }),
};

/** The sections of docs/configuration.md, in order. */
export const sections = [
  { title: 'Server', variables: server },
  { title: 'TLS', variables: tls },
  { title: 'Storage', variables: storage },
  { title: 'Authentication', variables: authentication },
  { title: 'Identity provider', variables: identityProvider },
  { title: 'Access by the application', variables: access },
  { title: 'Connections', variables: connections },
  { title: 'Synchronisation', variables: sync },
  { title: 'Validation', variables: validation },
  { title: 'Limits', variables: limits },
  { title: 'Budgets', variables: budgets },
  { title: 'HTTP', variables: http },
  { title: 'Snapshots', variables: snapshots },
  { title: 'History', variables: history },
  { title: 'Changes', variables: changes },
  { title: 'Metrics', variables: metrics },
  { title: 'Cluster', variables: cluster },
] as const;

/** All variables, by their names in `Config`. */
export const variables = {
  ...server,
  ...tls,
  ...metrics,
  ...storage,
  ...authentication,
  ...identityProvider,
  ...access,
  ...connections,
  ...sync,
  ...validation,
  ...limits,
  ...budgets,
  ...http,
  ...snapshots,
  ...history,
  ...changes,
  ...cluster,
};
