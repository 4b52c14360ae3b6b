/** Checks across several variables. A check is skipped if one of its variables is invalid by itself. */
import {
  parseDatabaseAddress,
  sessionAttributes,
  type DatabaseAddress,
} from '../storage/postgres/connection/address.js';
import type { Values } from './derive.js';
import { webhookEvents } from './changes.js';
import { hasIdentityProvider } from './variables/identity-provider.js';
import { formatSize } from './kinds.js';

interface Check {
  readonly of: readonly (keyof Values)[];
  /** Whether the combination of values is refused. */
  readonly refuses: (values: Values) => boolean;
  readonly sentence: (values: Values) => string;
}

export const checks: readonly Check[] = [
  {
    of: ['environment', 'jwtSecret', 'jwksUrl', 'jwksFile', 'publicKeyFile'],
    refuses: (values) =>
      values.environment === 'production' && values.jwtSecret === undefined && !hasIdentityProvider(values),
    sentence: () =>
      'JWT_SECRET must be set when NODE_ENV is production: a secret of at least 32 characters, for example from `openssl rand -base64 48`; or name the keys of an identity provider in JWT_JWKS_URL, JWT_JWKS_FILE or JWT_PUBLIC_KEY_FILE',
  },
  {
    of: ['tlsCertFile', 'tlsKeyFile'],
    refuses: (values) => (values.tlsCertFile === undefined) !== (values.tlsKeyFile === undefined),
    sentence: ({ tlsCertFile }) =>
      tlsCertFile === undefined
        ? 'TLS_KEY is set without TLS_CERT: name the file of the certificate too'
        : 'TLS_CERT is set without TLS_KEY: name the file of its private key too',
  },
  {
    of: ['environment', 'jwksUrl'],
    refuses: (values) => values.environment === 'production' && !isProtected(values.jwksUrl),
    sentence: () =>
      'JWT_JWKS_URL must begin with https:// when NODE_ENV is production: who can change what is answered can sign tokens',
  },
  {
    of: ['accessUrl', 'accessSecret'],
    refuses: (values) => values.accessUrl !== undefined && values.accessSecret === undefined,
    sentence: () =>
      'ACCESS_SECRET must be set with ACCESS_URL: a secret of at least 32 characters that the application knows too',
  },
  {
    of: ['accessUrl'],
    refuses: ({ accessUrl }) => accessUrl !== undefined && !URL.canParse(accessUrl),
    sentence: () => 'ACCESS_URL is not a valid address',
  },
  {
    of: ['validateUrl', 'validateSecret'],
    refuses: (values) => values.validateUrl !== undefined && values.validateSecret === undefined,
    sentence: () =>
      'VALIDATE_SECRET must be set with VALIDATE_URL: a secret of at least 32 characters that the application knows too',
  },
  {
    of: ['validateUrl'],
    refuses: ({ validateUrl }) => validateUrl !== undefined && !URL.canParse(validateUrl),
    sentence: () => 'VALIDATE_URL is not a valid address',
  },
  {
    of: ['webhookUrl', 'webhookSecret'],
    refuses: (values) => values.webhookUrl !== undefined && values.webhookSecret === undefined,
    sentence: () =>
      'WEBHOOK_SECRET must be set with WEBHOOK_URL: a secret of at least 32 characters that the receiver knows too',
  },
  {
    of: ['webhookUrl'],
    refuses: ({ webhookUrl }) => webhookUrl !== undefined && !URL.canParse(webhookUrl),
    sentence: () => 'WEBHOOK_URL is not a valid address',
  },
  {
    of: ['webhookEvents'],
    refuses: ({ webhookEvents: names }) => !names.every((name) => (webhookEvents as readonly string[]).includes(name)),
    sentence: () => `WEBHOOK_EVENTS may name ${webhookEvents.join(', ')}`,
  },
  {
    of: ['environment', 'demoAuth'],
    refuses: (values) => values.environment === 'production' && values.demoAuth,
    sentence: () => 'SYNCKIT_DEMO_AUTH must be off when NODE_ENV is production: it lets everybody in',
  },
  {
    of: ['jwksUrl'],
    refuses: ({ jwksUrl }) => jwksUrl !== undefined && !URL.canParse(jwksUrl),
    sentence: () => 'JWT_JWKS_URL is not a valid address',
  },
  {
    of: ['databaseUrl'],
    refuses: (values) => isPostgres(values) && addressOf(values) === undefined,
    sentence: () =>
      'DATABASE_URL is not a valid address; characters such as @ / : ? # in the password must be escaped as in %40',
  },
  {
    of: ['databaseUrl'],
    refuses: (values) => isPostgres(values) && !sslModes.includes(sslModeOf(values)),
    sentence: () => `The sslmode in DATABASE_URL must be one of ${sslModes.join(', ')}`,
  },
  {
    of: ['databaseUrl'],
    refuses: (values) => {
      const { sessionAttributes = '' } = addressOf(values) ?? {};
      return isPostgres(values) && sessionAttributes !== '' && !accepted.includes(sessionAttributes);
    },
    sentence: () =>
      `The target_session_attrs in DATABASE_URL must be one of ${accepted.join(', ')}: the server writes, so it uses a primary in any case`,
  },
  {
    of: ['databaseUrl', 'shards', 'dbPoolMax'],
    refuses: (values) => isPostgres(values) && (values.shards ?? 1) > values.dbPoolMax,
    sentence: (values) =>
      `DB_POOL_MAX (${values.dbPoolMax}) must be at least SHARDS (${values.shards ?? 1}): each shard needs a connection`,
  },
  {
    of: ['redisUrl', 'databaseUrl'],
    refuses: (values) => values.redisUrl !== undefined && !isPostgres(values),
    sentence: () =>
      'REDIS_URL needs DATABASE_URL to name a Postgres database: nodes that share a bus must share their storage',
  },
  {
    of: ['redisUrl', 'redisSentinels'],
    refuses: (values) => values.redisSentinels.length > 0 && values.redisUrl === undefined,
    sentence: () => 'REDIS_SENTINELS needs REDIS_URL: it has the credentials and the database of the master',
  },
  {
    of: ['redisCluster', 'redisSentinels'],
    refuses: (values) => values.redisSentinels.length > 0 && values.redisCluster,
    sentence: () => 'REDIS_SENTINELS does not go with REDIS_CLUSTER: a Redis Cluster fails over by itself',
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
      `SYNCKIT_MAX_QUEUED_BYTES must be at least ${formatSize(largestMessage(values))}, the larger of WS_MAX_PAYLOAD_BYTES and SYNCKIT_MAX_CHUNKED_BYTES: a message of that size could never be accepted`,
  },
];

/** Whether nobody on the way can change what an address answers. */
function isProtected(url: string | undefined): boolean {
  return url === undefined || /^(https:|http:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\])([:/?]|$))/.test(url);
}

const accepted: readonly string[] = sessionAttributes;
const sslModes = ['disable', 'require', 'verify-ca', 'verify-full'];

function isPostgres({ databaseUrl }: Values): boolean {
  return /^postgres(ql)?:/.test(databaseUrl ?? '');
}

function sslModeOf(values: Values): string {
  return addressOf(values)?.sslMode || 'disable';
}

function addressOf({ databaseUrl }: Values): DatabaseAddress | undefined {
  return parseDatabaseAddress(databaseUrl ?? '');
}

function largestMessage(values: Values): number {
  return Math.max(values.maxPayloadBytes, values.maxChunkedBytes);
}
