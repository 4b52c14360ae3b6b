/** Which pages of other origins may read the answers. */

type Header = readonly [name: string, value: string];

export interface Cors {
  /** Headers of every answer. @param origin The request's `Origin`, empty when it has none. */
  headers(origin: string): Header[];
  /** Headers of the answer to a preflight request, besides those. */
  preflight(origin: string): Header[];
}

/** @param origins As `corsOrigins` in the configuration: `['*']` for every origin. */
export function createCors(origins: readonly string[]): Cors {
  const everyone = origins.includes('*');
  const known = new Set(origins);

  const headers = (origin: string): Header[] => {
    if (everyone) return [['Access-Control-Allow-Origin', '*']];
    if (known.size === 0) return [];
    // The answer depends on the origin also when this one gets nothing.
    const vary: Header = ['Vary', 'Origin'];
    return known.has(origin) ? [['Access-Control-Allow-Origin', origin], vary] : [vary];
  };

  return {
    headers,
    preflight: (origin) =>
      everyone || known.has(origin)
        ? [
            ['Access-Control-Allow-Methods', 'GET, HEAD, OPTIONS'],
            ['Access-Control-Allow-Headers', 'Authorization, Content-Type'],
            ['Access-Control-Max-Age', '600'],
          ]
        : [],
  };
}
