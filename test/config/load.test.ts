import { test, type Test } from 'tap';
import { ConfigError, loadConfig, readDuration } from '../../src/config/load.js';

const secret = 'an example secret of more than 32 characters';

function problemsOf(t: Test, env: NodeJS.ProcessEnv): readonly string[] {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  t.fail('the configuration was accepted');
  return [];
}

test('an empty environment is a usable development configuration', (t) => {
  const config = loadConfig({});
  t.match(config, {
    environment: 'development',
    host: '127.0.0.1',
    port: 8080,
    logLevel: 'info',
    authRequired: false,
    maxConnections: 10_000,
    heartbeatIntervalMs: 30_000,
    heartbeatTimeoutMs: 60_000,
    batchSize: 100,
    batchDelayMs: 50,
    maxClockSkewMs: 60_000,
    maxPayloadBytes: 4 * 1024 ** 2,
    corsOrigins: [],
    trustedProxies: [],
    tokenLifetimeMs: 24 * 3_600_000,
    storage: { kind: 'embedded' },
  });
  t.match(config.storage, { directory: /^\/.*\/data$/ });
  t.match(config.nodeId, /^[A-Za-z0-9_.:-]{1,64}$/);
  t.ok(config.shards >= 1 && config.shards <= 4);
  t.end();
});

test('the configuration is frozen plain data', (t) => {
  const config = loadConfig({ CORS_ORIGINS: 'https://a.example' });
  t.same(structuredClone(config), config);
  t.ok(Object.isFrozen(config));
  t.ok(Object.isFrozen(config.storage));
  t.ok(Object.isFrozen(config.corsOrigins));
  t.end();
});

test('a variable that is empty or blank counts as not set', (t) => {
  t.equal(loadConfig({ PORT: '', DATABASE_URL: ' ', REDIS_URL: '' }).port, 8080);
  t.equal(loadConfig({ PORT: ' 9000 ' }).port, 9000);
  t.end();
});

test('every bad variable is named at once', (t) => {
  const bad = {
    NODE_ENV: 'prod',
    HOST: 'two words',
    PORT: '65536',
    LOG_LEVEL: 'loud',
    CORS_ORIGINS: 'https://a.example/path',
    SHARDS: '0',
    SYNCKIT_NODE_ID: 'a b',
    NODE_APP_INSTANCE: '-1',
    SHUTDOWN_DRAIN_MS: '3s',
    SHUTDOWN_DEADLINE_MS: 'soon',
    DATABASE_URL: 'mysql://host/database',
    DB_POOL_MIN: 'x',
    DB_POOL_MAX: '0',
    DB_CONNECT_TIMEOUT: '1m',
    DB_STATEMENT_TIMEOUT: '0',
    DB_AUTO_MIGRATE: 'maybe',
    SYNCKIT_STORAGE_MAP_BYTES: '1',
    REDIS_URL: 'host:6379',
    REDIS_CHANNEL_PREFIX: 'a b',
    REDIS_SENTINELS: 'redis://a',
    REDIS_SENTINEL_MASTER: 'a b',
    JWT_SECRET: 'short',
    JWT_EXPIRES_IN: '24',
    JWT_REFRESH_EXPIRES_IN: 'week',
    SYNCKIT_AUTH_REQUIRED: 'maybe',
    SYNCKIT_AUTH_TIMEOUT_MS: '1.5',
    WS_MAX_CONNECTIONS: '0',
    WS_HEARTBEAT_INTERVAL: '1',
    WS_HEARTBEAT_TIMEOUT: '1000000',
    WS_MAX_PAYLOAD_BYTES: '4MB',
    WS_MAX_BACKPRESSURE_BYTES: '0x400',
    SYNC_BATCH_SIZE: '1e2',
    SYNC_BATCH_DELAY: '-1',
    SYNC_MAX_CLOCK_SKEW_MS: 'none',
    SYNC_MAX_DOCUMENT_FIELDS: '0',
    SYNC_MAX_DOCUMENT_BYTES: '1',
    SYNC_REPLAY_MAX_FIELDS: '99999999999999999999',
    SYNCKIT_MAX_CONNECTIONS_PER_IP: 'x',
    SYNCKIT_TRUSTED_PROXIES: '10.0.0.0/33',
    SYNCKIT_MAX_MESSAGES_PER_MINUTE: 'x',
    SYNCKIT_MAX_SUBSCRIPTIONS: 'x',
    SYNCKIT_MAX_CLIENT_IDS: 'x',
    SYNCKIT_MAX_AWARENESS_BYTES: 'x',
    SYNCKIT_AWARENESS_TIMEOUT_MS: 'x',
    SYNCKIT_MAX_CHUNK_SETS: 'x',
    SYNCKIT_MAX_CHUNKED_BYTES: 'x',
    SYNCKIT_CHUNK_TIMEOUT_MS: 'x',
    SYNCKIT_MAX_PENDING_BYTES: 'x',
    SYNCKIT_MAX_QUEUED_BYTES: 'x',
    SYNCKIT_MAX_LOADED_BYTES: 'x',
  };
  const problems = problemsOf(t, bad);
  const named = problems.map((problem) => problem.split(' ')[0]);
  t.same(named.sort(), Object.keys(bad).sort());
  t.end();
});

test('the error message holds each problem and no secret', (t) => {
  const env = {
    PORT: 'eighty',
    JWT_SECRET: 'hunter2',
    DATABASE_URL: 'mysql://user:hunter3@host/database',
    REDIS_URL: 'http://:hunter4@host',
  };
  t.throws(() => loadConfig(env), { name: 'ConfigError', message: /PORT must be .*, not "eighty"/ });
  const problems = problemsOf(t, env);
  t.equal(problems.length, 4);
  t.notMatch(problems.join('\n'), /hunter/);
  const refused = problemsOf(t, { DATABASE_URL: 'memory:', REDIS_URL: 'redis://:hunter6@h' });
  t.notMatch(refused.join('\n'), /hunter/);
  t.end();
});

test('what belongs together is checked together', (t) => {
  const problems = problemsOf(t, {
    DB_POOL_MIN: '20',
    WS_HEARTBEAT_INTERVAL: '60000',
    SHUTDOWN_DRAIN_MS: '9000',
    SYNCKIT_MAX_QUEUED_BYTES: '1MiB',
  });
  t.equal(problems.length, 4);
  t.match(problems.join('\n'), /DB_POOL_MIN.*DB_POOL_MAX/);
  t.match(problems.join('\n'), /WS_HEARTBEAT_TIMEOUT.*WS_HEARTBEAT_INTERVAL/);
  t.match(problems.join('\n'), /SHUTDOWN_DEADLINE_MS.*SHUTDOWN_DRAIN_MS/);
  t.match(problems.join('\n'), /SYNCKIT_MAX_QUEUED_BYTES.*16 MiB/);
  t.end();
});

test('production does not start without JWT_SECRET, and says how to make one', (t) => {
  t.match(problemsOf(t, { NODE_ENV: 'production' }), [/JWT_SECRET must be set .*openssl rand/]);
  t.match(problemsOf(t, { NODE_ENV: 'production', SYNCKIT_AUTH_REQUIRED: 'false' }), [/JWT_SECRET must be set/]);
  t.match(loadConfig({ NODE_ENV: 'production', JWT_SECRET: secret }), { jwtSecret: secret, authRequired: true });
  t.end();
});

test('authentication is required in production and wherever there is a secret', (t) => {
  const required = (env: NodeJS.ProcessEnv) => loadConfig(env).authRequired;
  t.equal(required({}), false);
  t.equal(required({ JWT_SECRET: secret }), true);
  t.equal(required({ JWT_SECRET: secret, SYNCKIT_AUTH_REQUIRED: 'false' }), false);
  t.equal(required({ NODE_ENV: 'production', JWT_SECRET: secret }), true);
  t.equal(required({ NODE_ENV: 'production', JWT_SECRET: secret, SYNCKIT_AUTH_REQUIRED: 'no' }), false);
  t.equal(required({ SYNCKIT_AUTH_REQUIRED: '1' }), true);
  t.end();
});

test('without JWT_SECRET every start has a random one', (t) => {
  const first = loadConfig({}).jwtSecret;
  t.ok(first.length >= 32);
  t.not(loadConfig({}).jwtSecret, first);
  t.end();
});

test('what a developer should know at start is said', (t) => {
  const notices = loadConfig({ DATABASE_URL: 'memory:', SYNCKIT_DATA_DIRECTORY: '/x' }).notices.join('\n');
  t.match(notices, /JWT_SECRET is not set/);
  t.match(notices, /Authentication is off/);
  t.match(notices, /kept in memory only/);
  t.match(notices, /SYNCKIT_DATA_DIRECTORY is not a variable/);
  t.same(loadConfig({ JWT_SECRET: secret }).notices, []);
  t.end();
});

test('blanks belong to a secret', (t) => {
  t.equal(loadConfig({ JWT_SECRET: ` ${secret} ` }).jwtSecret, ` ${secret} `);
  t.end();
});

test('storage is embedded, or memory, or Postgres, or refused', (t) => {
  t.same(loadConfig({ SYNCKIT_DATA_DIR: '/var/lib/synckit', SYNCKIT_STORAGE_MAP_BYTES: '1GiB' }).storage, {
    kind: 'embedded',
    directory: '/var/lib/synckit',
    mapBytes: 1024 ** 3,
  });
  t.same(loadConfig({ DATABASE_URL: 'memory:' }).storage, { kind: 'memory' });
  t.match(problemsOf(t, { DATABASE_URL: 'memory:kept' }), [/^DATABASE_URL/]);
  const url = 'postgresql://user:pass@host/database?sslmode=verify-full';
  t.same(loadConfig({ DATABASE_URL: url, DB_POOL_MAX: '7', DB_AUTO_MIGRATE: 'off' }).storage, {
    kind: 'postgres',
    url,
    minConnections: 2,
    maxConnections: 7,
    connectTimeoutMs: 60_000,
    statementTimeoutMs: 30_000,
    autoMigrate: false,
  });
  t.match(problemsOf(t, { DATABASE_URL: 'postgres://user:p@ss:word/x' }), [/valid address/]);
  t.match(problemsOf(t, { DATABASE_URL: 'postgres://host/x?sslmode=prefer' }), [/sslmode .* disable, require/]);
  t.match(problemsOf(t, { DATABASE_URL: 'postgres://host/x', DB_POOL_MAX: '2', SHARDS: '3' }), [/at least SHARDS/]);
  t.end();
});

test('a bus between nodes is refused without a shared database', (t) => {
  t.match(problemsOf(t, { REDIS_URL: 'redis://host' }), [/share their storage/]);
  t.match(problemsOf(t, { REDIS_URL: 'redis://host', DATABASE_URL: 'memory:' }), [/share their storage/]);
  const shared = { REDIS_URL: 'redis://host', DATABASE_URL: 'postgres://host/d', REDIS_CLUSTER: 'true' };
  t.same(loadConfig(shared).bus, { url: 'redis://host', channelPrefix: 'synckit:', cluster: true, compareMs: 10_000 });
  t.equal(loadConfig({}).bus, undefined);
  t.end();
});

test('SHARDS leaves a core to the acceptor, and all to the other processes under PM2', (t) => {
  const shards = (env: NodeJS.ProcessEnv) => loadConfig(env).shards;
  t.equal(shards({ SHARDS: '7' }), 7);
  t.equal(shards({ pm_id: '0', instances: '4', NODE_APP_INSTANCE: '0' }), 1, 'the first of several processes');
  t.equal(shards({ NODE_APP_INSTANCE: '1' }), 1, 'another than the first');
  t.equal(shards({ pm_id: '0', instances: '4', SHARDS: '3' }), 3, 'what is asked for counts');
  const alone = shards({});
  t.equal(shards({ pm_id: '0', instances: '1', NODE_APP_INSTANCE: '0' }), alone, 'PM2 with one process');
  t.equal(shards({ instances: '4' }), alone, 'a variable that is not from PM2');
  t.end();
});

test('several processes without a bus are told that they do not hear each other', (t) => {
  const warned = (env: NodeJS.ProcessEnv) => loadConfig(env).notices.filter((notice) => /^Several proc/.test(notice));
  const pm2 = { pm_id: '0', instances: '2' };
  t.match(warned(pm2), [/without REDIS_URL/]);
  t.match(warned({ NODE_APP_INSTANCE: '1' }), [/without REDIS_URL/]);
  t.match(warned({ ...pm2, DATABASE_URL: 'postgres://host/d' }), [/without REDIS_URL/]);
  t.match(warned({ ...pm2, DATABASE_URL: 'memory:' }), [/documents of its own/]);
  t.same(warned({ ...pm2, DATABASE_URL: 'postgres://host/d', REDIS_URL: 'redis://host' }), []);
  t.same(warned({}), []);
  t.same(warned({ ...pm2, instances: '1' }), []);
  t.end();
});

test('under PM2 in cluster mode the log goes where PM2 keeps it', (t) => {
  const path = '/home/ann/.pm2/logs/synckit-out-0.log';
  const logFile = (env: NodeJS.ProcessEnv) => loadConfig({ pm_out_log_path: path, ...env }).logFile;
  t.equal(logFile({ pm_id: '0', exec_mode: 'cluster_mode' }), path);
  t.equal(logFile({ pm_id: '0', exec_mode: 'fork_mode' }), undefined, 'standard output leads there');
  t.equal(logFile({ exec_mode: 'cluster_mode' }), undefined, 'variables that are not from PM2');
  t.equal(logFile({ pm_id: '0', exec_mode: 'cluster_mode', pm_out_log_path: 'NULL' }), undefined);
  t.end();
});

test('processes of one host have different node ids', (t) => {
  const id = (env: NodeJS.ProcessEnv) => loadConfig(env).nodeId;
  t.not(id({}), id({ NODE_APP_INSTANCE: '1' }));
  t.equal(id({ SYNCKIT_NODE_ID: 'east-1' }), 'east-1');
  t.equal(id({ SYNCKIT_NODE_ID: 'east-1', NODE_APP_INSTANCE: '2' }), 'east-1:2');
  t.end();
});

test('the idle timeout honours both heartbeat variables', (t) => {
  const seconds = (interval: number, timeout: number) =>
    loadConfig({ WS_HEARTBEAT_INTERVAL: `${interval}`, WS_HEARTBEAT_TIMEOUT: `${timeout}` }).idleTimeoutSeconds;
  t.equal(seconds(30_000, 60_000), 46, 'pings after 30 s, closes 16 s later');
  t.equal(seconds(30_000, 35_000), 35, 'the timeout is the narrower one');
  t.equal(seconds(4_000, 8_000), 8);
  t.equal(seconds(944_000, 960_000), 960);
  t.end();
});

test('sizes and lengths of time have units', (t) => {
  t.equal(loadConfig({ WS_MAX_PAYLOAD_BYTES: '65536' }).maxPayloadBytes, 65_536);
  t.equal(loadConfig({ WS_MAX_PAYLOAD_BYTES: '64KiB' }).maxPayloadBytes, 65_536);
  t.equal(loadConfig({ JWT_EXPIRES_IN: '90s' }).tokenLifetimeMs, 90_000);
  t.equal(loadConfig({ JWT_EXPIRES_IN: '2w' }).tokenLifetimeMs, 14 * 86_400_000);
  t.equal(readDuration('30m'), 1_800_000);
  t.equal(readDuration('30'), undefined);
  t.equal(readDuration('0s'), undefined);
  t.end();
});

test('lists take blanks and any number of entries', (t) => {
  t.same(loadConfig({ CORS_ORIGINS: ' https://a.example , http://localhost:3000,' }).corsOrigins, [
    'https://a.example',
    'http://localhost:3000',
  ]);
  t.same(loadConfig({ SYNCKIT_TRUSTED_PROXIES: '127.0.0.1, ::1,10.0.0.0/8,2001:db8::/32' }).trustedProxies, [
    '127.0.0.1',
    '::1',
    '10.0.0.0/8',
    '2001:db8::/32',
  ]);
  t.match(problemsOf(t, { CORS_ORIGINS: '*,https://a.example' }), [/CORS_ORIGINS/]);
  t.same(loadConfig({ NODE_ENV: 'production', JWT_SECRET: secret }).corsOrigins, []);
  t.end();
});
