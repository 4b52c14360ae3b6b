/**
 * Every variable of the server, in one table: the type `Config`, the checks at start and docs/configuration.md all come
 * from it. The keys are the names under which the rest of the server sees the values; they end in the unit.
 */
import { addresses, duration, flag, integer, oneOf, origins, secret, size, text } from './kinds.js';
import { limits } from './limits.js';
import { variable } from './variable.js';

const later = 'Checked, but without effect in this version';

const server = {
  environment: variable('NODE_ENV', oneOf('development', 'production', 'test'), {
    default: 'development',
    meaning: 'Production refuses to start with settings that are only safe on a developer’s machine.',
  }),
  host: variable('HOST', text('an address or a host name', /^[\w.:-]+$/), {
    default: '0.0.0.0',
    meaning: 'Address to listen on.',
  }),
  port: variable('PORT', integer(0, 65_535), {
    default: '8080',
    meaning: 'Port for WebSocket and HTTP. 0 takes any free port.',
  }),
  logLevel: variable('LOG_LEVEL', oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'), {
    default: 'info',
    meaning: 'Log lines below this level are left out.',
  }),
  corsOrigins: variable('CORS_ORIGINS', origins(), {
    defaultWords: '`*` outside production, none in production',
    meaning: 'Origins whose pages may read the HTTP answers of the server.',
    example: 'https://app.example.com,https://admin.example.com',
  }),
  shards: variable('SHARDS', integer(1, 64), {
    defaultWords: 'one less than the cores, at least 1 and at most 4; 1 when PM2 runs several processes',
    meaning: 'Worker threads that hold documents.',
  }),
  nodeId: variable('SYNCKIT_NODE_ID', text('1–64 characters of A–Z a–z 0–9 _ . : -', /^[A-Za-z0-9_.:-]{1,64}$/), {
    defaultWords: 'host name and instance number',
    meaning:
      'Name of this node, the same after a restart and different from every other node. It stands for writers that have no id of their own. An instance number above 0 is appended to it. `/health` shows it to everybody; when it is not set, a name that does not tell that of the host.',
  }),
  instance: variable('NODE_APP_INSTANCE', integer(0, 9_999), {
    default: '0',
    meaning: 'Number of this process among those of the host. PM2 sets it.',
  }),
  drainMs: variable('SHUTDOWN_DRAIN_MS', integer(0, 600_000), {
    default: '3000',
    unit: 'ms',
    meaning: 'Time over which the clients are disconnected on shutdown, so that they do not all come back at once.',
  }),
  drainDeadlineMs: variable('SHUTDOWN_DEADLINE_MS', integer(1, 3_600_000), {
    default: '9000',
    unit: 'ms',
    meaning:
      'A shutdown that takes longer ends with exit code 1. Must be larger than SHUTDOWN_DRAIN_MS, and smaller than the time after which the process manager kills.',
  }),
};

const metrics = {
  metricsEnabled: variable('METRICS_ENABLED', flag(), {
    default: 'true',
    meaning: 'Whether anything is counted, and `/metrics` answered.',
  }),
  metricsToken: variable('METRICS_TOKEN', secret(16), {
    defaultWords: 'none: anybody may read the metrics',
    secret: true,
    meaning: 'With it, `/metrics` wants `Authorization: Bearer <token>`. At least 16 characters.',
  }),
  metricsPort: variable('METRICS_PORT', integer(0, 65_000), {
    default: '0',
    meaning:
      'Another port for `/metrics`, to which the instance number is added: processes that share PORT are scraped one by one there. 0 = none.',
  }),
};

const storage = {
  databaseUrl: variable(
    'DATABASE_URL',
    text('empty (embedded storage), memory: or postgres://…', /^(memory:|postgres(ql)?:\/\/\S+)$/),
    {
      defaultWords: 'empty: embedded storage in SYNCKIT_DATA_DIR',
      meaning:
        'Where documents are kept. `postgres://` names a database of Postgres 15 or newer; `sslmode` in its query may be `disable`, `require`, `verify-ca` or `verify-full`, with the meaning that libpq gives them. `memory:` keeps nothing and is for tests and throw-away nodes.',
      example: 'postgres://synckit:password@db.example.com/synckit?sslmode=verify-full',
      secret: true,
    },
  ),
  dbPoolMin: variable('DB_POOL_MIN', integer(0, 1_000), {
    default: '2',
    meaning: 'Postgres connections of this process that stay open while they are not used.',
  }),
  dbPoolMax: variable('DB_POOL_MAX', integer(1, 1_000), {
    default: '10',
    meaning:
      'Postgres connections of this process at most. The shards share them: each has one for its commits and the rest of its share for loading documents, or a single one for both.',
  }),
  dbConnectTimeoutMs: variable('DB_CONNECT_TIMEOUT', integer(0, 86_400_000), {
    default: '60000',
    unit: 'ms',
    meaning: 'Time for which a start waits for the database; the process then ends with exit code 1.',
  }),
  dbStatementTimeoutMs: variable('DB_STATEMENT_TIMEOUT', integer(100, 3_600_000), {
    default: '30000',
    unit: 'ms',
    meaning:
      'Time that the database has for a statement. A commit that takes longer is tried again, a load that does is an error to its client.',
  }),
  dbAutoMigrate: variable('DB_AUTO_MIGRATE', flag(), {
    default: 'true',
    meaning:
      'Whether a start brings the schema of the database up to date. With `false` it only checks it, and `synckit-server migrate` has to be run before.',
  }),
  dataDirectory: variable('SYNCKIT_DATA_DIR', text('a path', /./), {
    default: './data',
    meaning: 'Folder of the embedded storage. Several processes of one host may share it; a network drive will not do.',
    example: '/var/lib/synckit',
  }),
  storageMapBytes: variable('SYNCKIT_STORAGE_MAP_BYTES', size(16 * 1024 ** 2, 16 * 1024 ** 4), {
    default: '16GiB',
    unit: 'bytes',
    meaning:
      'Address space that the embedded storage sets aside for its file. It is neither memory nor disk space, and no limit: a file that outgrows it is mapped anew.',
  }),
};

const cluster = {
  redisUrl: variable('REDIS_URL', text('empty or redis://…', /^rediss?:\/\/\S+$/), {
    defaultWords: 'empty: one node',
    meaning:
      'Redis 7 or later: the bus between the nodes of a cluster, which share a Postgres. Clients of any node see each other live.',
    secret: true,
  }),
  redisChannelPrefix: variable('REDIS_CHANNEL_PREFIX', text('1–64 characters without spaces', /^\S{1,64}$/), {
    default: 'synckit:',
    meaning: 'Prefix of all channels and keys in Redis: clusters that share a Redis need different ones.',
  }),
  redisCluster: variable('REDIS_CLUSTER', flag(), {
    default: 'false',
    meaning: 'Whether REDIS_URL names a server of a Redis Cluster; its sharded pub/sub is used then.',
  }),
  clusterCompareMs: variable('CLUSTER_COMPARE_INTERVAL', integer(100, 3_600_000), {
    default: '10000',
    unit: 'ms',
    meaning:
      'How often a node of a cluster asks the database whether documents that have subscribers here were changed without its hearing of it: by a node that was killed before it could tell.',
  }),
};

const authentication = {
  jwtSecret: variable('JWT_SECRET', secret(32), {
    defaultWords: 'outside production a random one at every start; production does not start without it',
    meaning: 'Secret with which tokens are signed and checked (HS256).',
    secret: true,
  }),
  tokenLifetimeMs: variable('JWT_EXPIRES_IN', duration(), {
    default: '24h',
    meaning: 'Lifetime of the tokens that `synckit-server token` makes.',
  }),
  refreshLifetimeMs: variable('JWT_REFRESH_EXPIRES_IN', duration(), {
    default: '7d',
    meaning: `Lifetime of refresh tokens. ${later}.`,
  }),
  authRequired: variable('SYNCKIT_AUTH_REQUIRED', flag(), {
    defaultWords: 'true in production and wherever JWT_SECRET is set, otherwise false',
    meaning:
      'Whether a connection needs a token. Without, everyone may read and write every document; a bad token is refused even then.',
  }),
  authTimeoutMs: variable('SYNCKIT_AUTH_TIMEOUT_MS', integer(1, 3_600_000), {
    default: '10000',
    unit: 'ms',
    meaning: 'Time that a connection has to authenticate before it is closed.',
  }),
};

const connections = {
  maxConnections: variable('WS_MAX_CONNECTIONS', integer(1), {
    default: '10000',
    meaning: 'WebSocket connections of this process at most; more are turned away with close code 1013.',
  }),
  maxConnectionsPerIp: variable('SYNCKIT_MAX_CONNECTIONS_PER_IP', integer(0), {
    default: '0',
    meaning: 'WebSocket connections from one address at most. 0 = no limit.',
  }),
  trustedProxies: variable('SYNCKIT_TRUSTED_PROXIES', addresses(), {
    default: '',
    meaning:
      'Proxies whose `X-Forwarded-For` is believed. From everyone else the header is ignored, so that nobody can choose an address.',
    example: '127.0.0.1,10.0.0.0/8',
  }),
  heartbeatIntervalMs: variable('WS_HEARTBEAT_INTERVAL', integer(4_000, 944_000), {
    default: '30000',
    unit: 'ms',
    meaning:
      'A connection that was silent for so long is sent a ping. uWebSockets counts in whole seconds in steps of about 4, so the ping may come a little earlier.',
  }),
  heartbeatTimeoutMs: variable('WS_HEARTBEAT_TIMEOUT', integer(8_000, 960_000), {
    default: '60000',
    unit: 'ms',
    meaning:
      'A connection that was silent for so long, pings included, is closed. Must be larger than WS_HEARTBEAT_INTERVAL. uWebSockets gives a pong 4 to 16 s, so a dead connection may be closed earlier.',
  }),
  maxPayloadBytes: variable('WS_MAX_PAYLOAD_BYTES', size(1_024, 1024 ** 3), {
    default: '4MiB',
    unit: 'bytes',
    meaning:
      'Largest WebSocket message. A longer one ends the connection (close code 1006); clients send it in chunks.',
  }),
  maxBackpressureBytes: variable('WS_MAX_BACKPRESSURE_BYTES', size(1_024, 1024 ** 3), {
    default: '32MiB',
    unit: 'bytes',
    meaning:
      'Bytes that wait for a client that does not keep up. A client beyond it is disconnected, so that it subscribes again and misses nothing. Whole texts are sent, so it should be twice SYNC_MAX_TEXT_BYTES or more.',
  }),
  compression: variable('WS_COMPRESSION', flag(), {
    default: 'off',
    meaning:
      'Whether large messages are compressed for clients that offer permessage-deflate, and may come compressed from them. It takes ten times the CPU of sending them as they are, on the thread that serves all connections (docs/decisions/008-compression-off.md): for slow networks and few readers per document.',
  }),
  compressionMinBytes: variable('WS_COMPRESSION_MIN_BYTES', size(64, 1024 ** 3), {
    default: '16KiB',
    unit: 'bytes',
    meaning: 'With WS_COMPRESSION, smaller messages are sent as they are.',
  }),
  compressionMaxBytes: variable('WS_COMPRESSION_MAX_BYTES', size(64, 1024 ** 3), {
    default: '4MiB',
    unit: 'bytes',
    meaning:
      'With WS_COMPRESSION, messages whose size times the number of their receivers is larger are sent as they are: a message is compressed for each receiver anew, and nobody else is served meanwhile. 4MiB take about 20 ms.',
  }),
};

const sync = {
  batchSize: variable('SYNC_BATCH_SIZE', integer(1), {
    default: '100',
    meaning: 'Writes of one document that are sent on before the delay is over.',
  }),
  batchDelayMs: variable('SYNC_BATCH_DELAY', integer(0, 60_000), {
    default: '50',
    unit: 'ms',
    meaning:
      'Time for which the writes of a busy document are collected. The first write after a pause is never held. 0 = no collecting.',
  }),
  maxClockSkewMs: variable('SYNC_MAX_CLOCK_SKEW_MS', integer(0), {
    default: '60000',
    unit: 'ms',
    meaning: 'A write that is dated further ahead of the server’s clock is taken as written now.',
  }),
  maxDocumentFields: variable('SYNC_MAX_DOCUMENT_FIELDS', integer(1), {
    default: '200000',
    meaning: 'Fields of one document at most, removed ones included.',
  }),
  maxDocumentBytes: variable('SYNC_MAX_DOCUMENT_BYTES', size(1_024), {
    default: '64MiB',
    unit: 'bytes',
    meaning: 'Size of one document at most.',
  }),
  maxTextBytes: variable('SYNC_MAX_TEXT_BYTES', size(1_024, 256 * 1024 ** 2), {
    default: '8MiB',
    unit: 'bytes',
    meaning:
      'Size of the state of one collaborative text, as clients send it: about 205 bytes for each piece that was typed by itself.',
  }),
  replayMaxFields: variable('SYNC_REPLAY_MAX_FIELDS', integer(0), {
    default: '10000',
    meaning:
      'After the answer to a subscription, up to so many fields are sent again one by one to binary clients that are not known to understand `delta_batch`: SDK 0.1.x ignores the state in the answer. 0 = off.',
  }),
};

/** In the order of docs/configuration.md. */
export const sections = [
  { title: 'Server', variables: server },
  { title: 'Storage', variables: storage },
  { title: 'Authentication', variables: authentication },
  { title: 'Connections', variables: connections },
  { title: 'Synchronisation', variables: sync },
  { title: 'Limits', variables: limits },
  { title: 'Metrics', variables: metrics },
  { title: 'Cluster', variables: cluster },
] as const;

export const variables = {
  ...server,
  ...metrics,
  ...storage,
  ...authentication,
  ...connections,
  ...sync,
  ...limits,
  ...cluster,
};
