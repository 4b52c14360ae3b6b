/** `/metrics`: on the main port, and, as several processes may share that port, on a separate port of each process. */
import { timingSafeEqual } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { TemplatedApp } from 'uWebSockets.js';
import type { Config } from '../config/load.js';
import type { Logger } from '../log.js';

/** Renders the metrics. */
export interface MetricsSource {
  readonly contentType: string;
  render(): Promise<string>;
}

type MetricsConfig = Pick<Config, 'metricsEnabled' | 'metricsToken' | 'metricsPort' | 'host' | 'instance'>;

interface Scrape {
  readonly status: string;
  readonly contentType: string;
  readonly body: string;
}

/** Adds the route to the main port. */
export function registerMetrics(
  app: TemplatedApp,
  deps: { readonly config: MetricsConfig; readonly metrics: MetricsSource; readonly log: Logger },
): void {
  if (!deps.config.metricsEnabled) return;
  app.get('/metrics', (response, request) => {
    let gone = false;
    response.onAborted(() => {
      gone = true;
    });
    scrape(deps, request.getHeader('authorization')).then(
      ({ status, contentType, body }) => {
        if (gone) return;
        response.cork(() => {
          response
            .writeStatus(status)
            .writeHeader('Content-Type', contentType)
            .writeHeader('Cache-Control', 'no-store');
          response.end(body);
        });
      },
      (error: unknown) => {
        deps.log.error({ err: error }, 'the metrics could not be rendered');
        if (!gone) response.cork(() => response.writeStatus('500 Internal Server Error').end());
      },
    );
  });
}

/**
 * Listens on METRICS_PORT plus the instance number; without METRICS_PORT there is no server.
 *
 * @throws Error when the port is in use.
 */
export async function listenForScrapes(deps: {
  readonly config: MetricsConfig;
  readonly metrics: MetricsSource;
}): Promise<Server | undefined> {
  const { metricsEnabled, metricsPort, instance, host } = deps.config;
  if (!metricsEnabled || metricsPort === 0) return undefined;
  const server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      const found = request.method === 'GET' && request.url?.split('?')[0] === '/metrics';
      if (!found) {
        response.writeHead(404).end();
        return;
      }
      const { status, contentType, body } = await scrape(deps, request.headers.authorization ?? '');
      response.writeHead(Number(status.slice(0, 3)), { 'Content-Type': contentType, 'Cache-Control': 'no-store' });
      response.end(body);
    };
    answer().catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(metricsPort + instance, host, resolve);
  });
  return server;
}

async function scrape(
  { config, metrics }: { readonly config: MetricsConfig; readonly metrics: MetricsSource },
  authorization: string,
): Promise<Scrape> {
  if (config.metricsToken !== undefined && !equals(authorization, `Bearer ${config.metricsToken}`)) {
    return { status: '401 Unauthorized', contentType: 'text/plain', body: 'A token is needed.\n' };
  }
  return { status: '200 OK', contentType: metrics.contentType, body: await metrics.render() };
}

/** Compares in constant time, so that the time reveals nothing about the token. */
function equals(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}
