/** `/metrics`: on the main port, and, as several processes may share that port, on a separate port of each process. */
import { createServer, type Server } from 'node:http';
import type { TemplatedApp } from 'uWebSockets.js';
import type { Config } from '../config/load.js';
import type { Logger } from '../log.js';
import { refuse, respond, type Answer } from './answer.js';
import { hasToken, isOperator } from './operator-token.js';
import type { HttpDeps } from './ports.js';
import type { SharedRendering } from './shared-rendering.js';

type MetricsConfig = Pick<
  Config,
  'environment' | 'metricsEnabled' | 'metricsToken' | 'metricsPort' | 'host' | 'instance'
>;

/** Connections to METRICS_PORT at a time. */
const MAX_SCRAPERS = 32;
/** Time for the head of a request on METRICS_PORT, and for keeping an idle connection, in ms. */
const SCRAPER_TIMEOUT_MS = 10_000;

export interface MetricsDeps {
  readonly config: MetricsConfig;
  readonly metrics: SharedRendering;
  readonly log: Logger;
  readonly refusalOf: HttpDeps['refusalOf'];
}

/** Adds the route to the main port. In production it needs METRICS_TOKEN. */
export function registerMetrics(app: TemplatedApp, deps: MetricsDeps): void {
  if (!deps.config.metricsEnabled) return;
  app.get('/metrics', (response, request) => {
    const refusal = deps.refusalOf(response, request);
    if (refusal !== undefined) {
      refuse(response, refusal);
      return;
    }
    const authorization = request.getHeader('authorization');
    const isAllowed = mayScrape(deps.config, authorization) && isOperator(deps.config, authorization);
    respond(response, () => (isAllowed ? scrape(deps) : unauthorized), { withBody: true, close: false });
  });
}

/**
 * Listens on METRICS_PORT plus the instance number; without METRICS_PORT there is no server.
 *
 * @throws Error when the port is in use.
 */
export async function listenForScrapes(deps: MetricsDeps): Promise<Server | undefined> {
  const { metricsEnabled, metricsPort, instance, host } = deps.config;
  if (!metricsEnabled || metricsPort === 0) return undefined;
  const limits = { headersTimeout: SCRAPER_TIMEOUT_MS, requestTimeout: SCRAPER_TIMEOUT_MS };
  const server = createServer({ ...limits, keepAliveTimeout: SCRAPER_TIMEOUT_MS }, (request, response) => {
    const answer = async (): Promise<void> => {
      const found = request.method === 'GET' && request.url?.split('?')[0] === '/metrics';
      if (!found) {
        response.writeHead(404).end();
        return;
      }
      const isAllowed = mayScrape(deps.config, request.headers.authorization ?? '');
      const { status, content } = isAllowed ? await scrape(deps) : unauthorized;
      response.writeHead(Number(status.slice(0, 3)), {
        'Content-Type': content?.type ?? 'text/plain',
        'Cache-Control': 'no-store',
      });
      response.end(content?.bytes);
    };
    answer().catch(() => response.destroy());
  });
  server.maxConnections = MAX_SCRAPERS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(metricsPort + instance, host, resolve);
  });
  return server;
}

const unauthorized: Answer = {
  status: '401 Unauthorized',
  content: { type: 'text/plain', bytes: Buffer.from('A token is needed.\n') },
};

function mayScrape(config: MetricsConfig, authorization: string): boolean {
  return config.metricsToken === undefined || hasToken(config, authorization);
}

async function scrape({ metrics, log }: MetricsDeps): Promise<Answer> {
  try {
    return { status: '200 OK', content: { type: metrics.contentType, bytes: await metrics.render() } };
  } catch (error) {
    log.error({ err: error }, 'the metrics could not be rendered');
    return { status: '500 Internal Server Error' };
  }
}
