/** CORS: which origins may read the answers. */
import type { Origins } from '../auth/origins.js';

type Header = readonly [name: string, value: string];

export interface Cors {
  /** Headers of every answer. @param origin The `Origin` of the request, or the empty string. */
  headers(origin: string): Header[];
  /** Additional headers of the answer to a preflight request. */
  preflight(origin: string): Header[];
}

const allowedHeaders = [
  ...['Authorization', 'Content-Type', 'Idempotency-Key', 'If-Match', 'If-None-Match', 'Last-Event-ID', 'Prefer'],
  ...['X-API-Key', 'X-Request-Id'],
].join(', ');

/** @param methods That a page may use, separated by commas. */
export function createCors(origins: Origins, methods = 'GET, HEAD, OPTIONS'): Cors {
  const headers = (origin: string): Header[] => {
    if (origins.everyone) return [['Access-Control-Allow-Origin', '*']];
    if (origins.nobody) return [];
    // Also for an origin that is not allowed: caches must not reuse its answer for another.
    const vary: Header = ['Vary', 'Origin'];
    if (!origins.mayRead(origin)) return [vary];
    return [['Access-Control-Allow-Origin', origin], ['Access-Control-Allow-Credentials', 'true'], vary];
  };

  return {
    headers,
    preflight: (origin) =>
      origins.mayRead(origin)
        ? [
            ['Access-Control-Allow-Methods', methods],
            ['Access-Control-Allow-Headers', allowedHeaders],
            ['Access-Control-Max-Age', '600'],
          ]
        : [],
  };
}
