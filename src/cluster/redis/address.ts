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
}

/**
 * Reads `redis[s]://[[user]:password@]host[:port][/db]`.
 *
 * @throws Error, whose message does not contain the address, as that may contain a password.
 */
export function parseRedisUrl(text: string): RedisAddress {
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
  };
}

/** `host:port`: the name of a server in logs and maps. */
export function serverName({ host, port }: Pick<RedisAddress, 'host' | 'port'>): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The options of a connection that depend on the address. */
export function connectionOptions({ host, port, username, password, db, tls }: RedisAddress) {
  return { host, port, username, password, db, ...(tls ? { tls: {} } : {}) } satisfies RedisOptions;
}

function decode(text: string): string | undefined {
  if (text === '') return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
