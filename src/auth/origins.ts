/** Which pages may use the server: browsers say with `Origin` where a page comes from. */
import { isIP } from 'node:net';
import type { Config } from '../config/load.js';

export type OriginConfig = Pick<Config, 'corsOrigins' | 'isOpenByDefault'>;

export interface Origins {
  /** Whether every page may read the HTTP answers. */
  readonly everyone: boolean;
  /** Whether none but pages of the server's own origin may. */
  readonly nobody: boolean;
  /** Whether a page may read the HTTP answers. @param origin The header of its request. */
  mayRead(origin: string): boolean;
  /**
   * Whether a client may open a WebSocket. Those that are no browsers send no `Origin`.
   *
   * @param origin The header of the request, or the empty string. @param host The `Host` header.
   */
  mayConnect(origin: string, host: string): boolean;
  /**
   * Whether a request that shows no credential may read and write documents. With GET, a page of the server's own origin
   * sends no `Origin`; so where that proves nothing, the name counts by which the server is asked.
   *
   * @param origin And `host`: as above.
   */
  mayAsk(origin: string, host: string): boolean;
}

export function createOrigins({ corsOrigins, isOpenByDefault }: OriginConfig): Origins {
  const everyone = corsOrigins.includes('*');
  const known = new Set(corsOrigins);
  const mayRead = (origin: string): boolean => everyone || known.has(origin) || (isOpenByDefault && isLocal(origin));
  const mayConnect = (origin: string, host: string): boolean => {
    if (origin === '' || mayRead(origin)) return true;
    // A name of another's may be made to mean this host, so where no token is needed that proves nothing.
    return !isOpenByDefault && hostOf(origin) === host.toLowerCase();
  };
  return {
    everyone,
    nobody: known.size === 0 && !isOpenByDefault,
    mayRead,
    mayConnect,
    mayAsk: (origin, host) =>
      mayConnect(origin, host) && (origin !== '' || everyone || !isOpenByDefault || isOwnName(host)),
  };
}

/** Whether a host is named as only those near it do: by an address, or by a name without a domain. */
function isOwnName(host: string): boolean {
  const hostname = URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : '';
  const isNumber = isIP(hostname.replace(/^\[(.*)\]$/, '$1')) !== 0;
  return hostname !== '' && (isNumber || !hostname.includes('.') || hostname.endsWith('.localhost'));
}

/** Whether a page was served by this host. */
function isLocal(origin: string): boolean {
  const hostname = URL.canParse(origin) ? new URL(origin).hostname : '';
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127\.[\d.]+$/.test(hostname)
  );
}

/** Host and port of an origin; undefined for one that has none, such as `null`. */
function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) && new URL(origin).host !== '' ? new URL(origin).host : undefined;
}
