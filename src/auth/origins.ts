/** Which pages may use the server: browsers say with `Origin` where a page comes from. */
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
}

export function createOrigins({ corsOrigins, isOpenByDefault }: OriginConfig): Origins {
  const everyone = corsOrigins.includes('*');
  const known = new Set(corsOrigins);
  const mayRead = (origin: string): boolean => everyone || known.has(origin) || (isOpenByDefault && isLocal(origin));
  return {
    everyone,
    nobody: known.size === 0 && !isOpenByDefault,
    mayRead,
    mayConnect: (origin, host) => {
      if (origin === '' || mayRead(origin)) return true;
      // A name of another's may be made to mean this host, so where no token is needed that proves nothing.
      return !isOpenByDefault && hostOf(origin) === host.toLowerCase();
    },
  };
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
