/** The address of a Redis server, with its credentials. */
import type { RedisOptions } from 'ioredis';

/** Contains the password, so it must not be logged. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly db: number;
  readonly tls: boolean;
  /** Where the master is asked for; host and port above do not count then. */
  readonly sentinels?: Sentinels | undefined;
}

/** The Sentinels that watch a master. */
export interface Sentinels {
  /** `host[:port]` each, at least one; an IPv6 address in brackets. */
  readonly addresses: readonly string[];
  /** The name under which they watch it. */
  readonly master: string;
  readonly password: string | undefined;
}

const SENTINEL_PORT = 26_379;

/**
 * Reads `redis[s]://[[user]:password@]host[:port][/db]`.
 *
 * @throws Error, whose message does not contain the address, as that may contain a password.
 */
export function parseRedisUrl(text: string, sentinels?: Sentinels): RedisAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const tls = url?.protocol === 'rediss:';
  const db = url === undefined ? '' : url.pathname.slice(1);
  if (url === undefined || (!tls && url.protocol !== 'redis:') || !/^\d{0,4}$/.test(db)) {
    throw new Error('the address of Redis must be redis[s]://[user:password@]host[:port][/db]');
  }
  return {
    // A URL has an IPv6 address in brackets.
    host: url.hostname.replace(/^\[(.*)\]$/, '$1') || '127.0.0.1',
    port: url.port === '' ? 6379 : Number(url.port),
    username: decode(url.username),
    password: decode(url.password),
    db: Number(db),
    tls,
    ...(sentinels === undefined ? {} : { sentinels }),
  };
}

/** `host:port`: the name of a server in logs and maps. */
export function serverName({ host, port }: Pick<RedisAddress, 'host' | 'port'>): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * The options of a connection that depend on the address.
 *
 * @param attempt Number of the attempt to connect. Each begins with another Sentinel: one that does not answer takes all
 *   the time of its attempt.
 */
export function connectionOptions(address: RedisAddress, attempt = 0) {
  const { host, port, username, password, db, tls, sentinels } = address;
  const common = { username, password, db, ...(tls ? { tls: {} } : {}) };
  if (sentinels === undefined) return { host, port, ...common } satisfies RedisOptions;
  const { addresses, master, password: sentinelPassword } = sentinels;
  const first = attempt % addresses.length;
  return {
    ...common,
    sentinels: [...addresses.slice(first), ...addresses.slice(0, first)].map(parseSentinel),
    name: master,
    sentinelPassword,
    sentinelRetryStrategy: () => null,
    enableTLSForSentinelMode: tls,
    ...(tls ? { sentinelTLS: {} } : {}),
  } satisfies RedisOptions;
}

/** Reads `host[:port]`. */
function parseSentinel(text: string): Pick<RedisAddress, 'host' | 'port'> {
  const { host, port } = parseRedisUrl(`redis://${text}`);
  return { host, port: /:\d+$/.test(text) ? port : SENTINEL_PORT };
}

function decode(text: string): string | undefined {
  if (text === '') return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
