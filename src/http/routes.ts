/** The routes: the answer of each path to GET. */
import type { Answer } from './answer.js';
import { clusterOf, rooms } from './cluster.js';
import { openApi } from './documents/all.js';
import type { HttpDeps } from './ports.js';

/** Most documents that /health and /rooms list, so that the answer stays small on a node of any size. */
const maxListedDocuments = 100;

/** Makes the answer. @param isOperator Whether it may tell document ids, counts, versions and reasons. */
type Route = (isOperator: boolean) => Answer;

export type Routes = ReadonlyMap<string, Route>;

export function createRoutes(deps: HttpDeps): Routes {
  // Written once: it is large, and never changes.
  const bytes = Buffer.from(JSON.stringify(openApi()));
  const description: Answer = { status: '200 OK', content: { type: 'application/json', bytes } };
  return new Map<string, Route>([
    ['/', (isOperator) => ok(information(isOperator ? deps.version : undefined))],
    ['/health', (isOperator) => ok(isOperator ? health(deps) : { status: healthStatus(deps) })],
    ['/health/live', () => ok({ status: 'alive' })],
    ['/health/ready', (isOperator) => (isOperator ? ready(deps) : withoutReasons(ready(deps)))],
    ['/rooms', (isOperator) => (isOperator ? ok(rooms(deps, maxListedDocuments)) : unauthorized)],
    ['/openapi.json', () => description],
    // The acceptor handles upgrades; this is the answer to a request without one.
    ['/ws', upgradeRequired],
  ]);
}

const unauthorized: Answer = { status: '401 Unauthorized', body: { error: 'METRICS_TOKEN is needed' } };

function withoutReasons({ status, body }: Answer): Answer {
  return { status, body: { status: (body as { readonly status: string }).status } };
}

function ok(body: object): Answer {
  return { status: '200 OK', body };
}

/** @param version Undefined when the asking client may not know it; then the key is missing. */
function information(version: string | undefined): object {
  return {
    name: 'SyncKit Server',
    version,
    description: 'Real-time document synchronisation over WebSocket',
    endpoints: {
      ...{ ws: '/ws', health: '/health', auth: '/auth', live: '/health/live', ready: '/health/ready', rooms: '/rooms' },
      ...{ documents: '/documents', snapshots: '/snapshots', openapi: '/openapi.json' },
    },
    features: {
      websocket: true,
      serverSentEvents: true,
      collaborativeText: true,
      awareness: true,
      documents: true,
      snapshots: true,
    },
  };
}

/** In the shape of the reference server, plus the cluster. Always 200: load balancers use /health/ready. */
function health(deps: HttpDeps): object {
  const now = Date.now();
  const cluster = deps.cluster();
  return {
    status: healthStatus(deps),
    timestamp: new Date(now).toISOString(),
    version: deps.version,
    uptime: Math.max(0, now - deps.startedAt) / 1_000,
    connections: deps.connections(),
    documents: deps.documents(maxListedDocuments),
    ...(cluster === undefined ? {} : { cluster: clusterOf(cluster, now) }),
  };
}

function healthStatus(deps: HttpDeps): 'healthy' | 'degraded' | 'draining' {
  if (deps.draining()) return 'draining';
  return deps.readiness().ready ? 'healthy' : 'degraded';
}

function ready(deps: HttpDeps): Answer {
  const { ready, reasons, notes } = deps.readiness();
  if (deps.draining()) return notReady([...reasons, 'The server is shutting down.']);
  if (!ready) return notReady([...reasons, ...notes]);
  return ok(notes.length === 0 ? { status: 'ready' } : { status: 'ready', notes });
}

function notReady(reasons: readonly string[]): Answer {
  return { status: '503 Service Unavailable', body: { status: 'not ready', reasons } };
}

function upgradeRequired(): Answer {
  return {
    status: '426 Upgrade Required',
    headers: [['Upgrade', 'websocket']],
    body: { error: 'This is a WebSocket endpoint' },
  };
}
