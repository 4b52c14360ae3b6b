import type { TemplatedApp } from 'uWebSockets.js';
import type { Acceptor } from '../acceptor/acceptor.js';
import type { ClusterStatus } from '../cluster/membership/heartbeat.js';
import { MAX_ROOMS, type NodeFacts } from '../cluster/membership/shared-state.js';
import type { Config } from '../config/load.js';
import { errors } from '../errors.js';
import { createApi, type Api } from '../http/api/register.js';
import type { ApiDeps } from '../http/api/ports.js';
import type { AdminDeps, ConnectionFacts } from '../http/admin/ports.js';
import { openDocuments } from '../http/cluster.js';
import { registerAuth } from '../http/auth/register.js';
import { createPages } from '../http/pages/register.js';
import { registerMetrics } from '../http/metrics.js';
import type { HttpDeps } from '../http/ports.js';
import { readinessOf } from '../http/readiness.js';
import { registerHttp } from '../http/server.js';
import type { SharedRendering } from '../http/shared-rendering.js';
import type { Logger } from '../log.js';
import type { AcceptorMetrics } from '../metrics/acceptor-metrics.js';
import type { NodeAuth } from './auth.js';
import type { DatabaseClock } from '../pool/database-clock.js';
import type { ShardSet } from '../pool/shard-set.js';

export type NodeState = 'starting' | 'running' | 'draining' | 'stopped' | 'lost';

/** The parts of a node that its HTTP routes use. */
export interface HttpParts {
  readonly config: Config;
  readonly log: Logger;
  readonly metrics: Pick<AcceptorMetrics, 'errors'>;
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly acceptor: Acceptor;
  readonly auth: NodeAuth;
  readonly shards: ShardSet;
  readonly clock: DatabaseClock;
  readonly rendering: SharedRendering;
  readonly snapshots: ApiDeps['snapshots'];
  readonly changes: ApiDeps['changes'];
  readonly webhook: AdminDeps['webhook'];
  /** Undefined for a node without a bus. */
  readonly cluster: () => ClusterStatus | undefined;
  readonly state: () => NodeState;
  /** This node, as others see it. */
  readonly facts: () => NodeFacts;
  /** The process is to drain. */
  readonly onDrain: () => void;
}

/** All HTTP routes of a node, for each of its apps. */
export function nodeRoutes(parts: HttpParts): { readonly api: Api; readonly register: (app: TemplatedApp) => void } {
  const { config, log, acceptor, auth, shards, state } = parts;
  const refusalOf: HttpDeps['refusalOf'] = (response, request) => acceptor.doors.refusalOf(response, request);
  const addressOf: ApiDeps['addressOf'] = (response, request) => acceptor.doors.clientOf(response, request);
  const refuseParts: ApiDeps['refuseParts'] = (address) => {
    acceptor.doors.refuseParts(address);
  };
  const draining = (): boolean => state() === 'draining';
  const unready = (): string | undefined => {
    if (state() === 'starting') return 'The server is starting';
    return state() === 'running' ? undefined : errors.SHUTTING_DOWN.sentence;
  };
  const documents: HttpDeps['documents'] = (limit) => ({
    totalDocuments: shards.status().documents,
    documents: acceptor.topics.summary(limit),
  });
  const open: ApiDeps['open'] = (sender) => acceptor.documents.open(sender);
  const follow: ApiDeps['follow'] = (sender, request, events) => acceptor.streams.open(sender, request, events);
  const api = createApi({
    config,
    log,
    onRefused: (code) => {
      parts.metrics.errors(code).add(1);
    },
    open,
    follow,
    snapshots: parts.snapshots,
    changes: parts.changes,
    addressOf,
    refusalOf,
    refuseParts,
    unready,
  });
  const pages = createPages({ playground: config.playground, refusalOf, draining });
  const register = (app: TemplatedApp): void => {
    pages(app);
    registerMetrics(app, { config, metrics: parts.rendering, log, refusalOf });
    registerAuth(app, {
      ...{ config, log, authenticator: auth.authenticator, addressOf, refusalOf, refuseParts, draining },
      audit: () => auth.audit,
      services: () => auth.services,
      node: {
        ...{ facts: parts.facts, cluster: parts.cluster, drain: parts.onDrain, webhook: parts.webhook },
        openDocuments: () => openDocuments({ cluster: parts.cluster, documents }, MAX_ROOMS),
        users: (limit) => acceptor.sessions.listUsers(limit),
        connectionsOf: (user, limit) => connectionsOf(acceptor, user, limit),
      },
    });
    api.register(app);
    registerHttp(app, {
      ...{
        config,
        log,
        version: parts.version,
        startedAt: parts.startedAt,
        refusalOf,
        draining,
        cluster: parts.cluster,
      },
      readiness: () => readinessOf({ isStarting: state() === 'starting', shards, clock: parts.clock }),
      connections: () => ({
        totalConnections: acceptor.sessions.size,
        totalUsers: acceptor.sessions.users,
        totalClients: acceptor.awareness.clients,
      }),
      documents,
    });
  };
  return { api, register };
}

function connectionsOf({ sessions }: Acceptor, user: string, limit: number): ConnectionFacts[] {
  const listed: ConnectionFacts[] = [];
  for (const session of sessions.ofUser(user) ?? []) {
    if (listed.length >= limit) break;
    const { address, encoding, subscriptions } = session;
    const kind = sessions.find(session.number) === undefined ? 'http' : 'websocket';
    listed.push({ address, kind, encoding, subscriptions: subscriptions.size });
  }
  return listed;
}
