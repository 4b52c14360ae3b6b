import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Acceptor } from '../acceptor/acceptor.js';
import { CLOSE_GRACE_MS, disconnect, drainClients } from '../acceptor/drain-clients.js';
import { SharedThrottle } from '../auth/accounts/throttle.js';
import type { NodeEntry } from '../cluster/membership/shared-state.js';
import type { Config } from '../config/load.js';
import type { Api } from '../http/api/register.js';
import { SharedRendering } from '../http/shared-rendering.js';
import type { Logger } from '../log.js';
import { withoutSecrets, type ShardWorkerData } from '../shard/shard-config.js';
import { AcceptorMetrics } from '../metrics/acceptor-metrics.js';
import { MetricsRegistry } from '../metrics/registry.js';
import { NodeAuth } from './auth.js';
import { NodeChanges } from './changes.js';
import { nodeRoutes, type NodeState } from './http.js';
import { documentLifecycle, type DocumentSweep } from './document-lifecycle.js';
import { Listening } from './listening.js';
import { obey } from './orders.js';
import { nodeEntry } from './entry.js';
import { nodeReads } from './reads.js';
import { NodeSnapshots } from './snapshots.js';
import { openValidator } from './validation.js';
import { askCluster, clusterThrottle } from '../pool/cluster-client.js';
import { DatabaseClock } from '../pool/database-clock.js';
import { ClusterHeartbeat } from '../cluster/membership/heartbeat.js';
import { ShardSet } from '../pool/shard-set.js';
import type { Validator } from '../validation/remote/validator.js';

export interface NodeOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly version: string;
  /** The storage will never work again in this process, all clients are disconnected: the process must end at once. */
  readonly onStorageLost: () => void;
  /** An administrator wants the process to drain, as by SIGTERM. */
  readonly onDrain: () => void;
}

/** Time between two checks whether the coalescer has submitted everything, in ms. */
const FLUSH_POLL_MS = 5;
/** Time for answers that are on the way from shards to the acceptor when the storage is lost, in ms. */
const LAST_ACKS_MS = 100;

/** A node: puts together the acceptor, the shards and the HTTP routes. Nothing else knows them all. */
export class Node {
  readonly acceptor: Acceptor;
  readonly shards: ShardSet;
  readonly metrics: MetricsRegistry;
  readonly auth: NodeAuth;
  readonly snapshots: NodeSnapshots;
  readonly validator: Validator | undefined;
  readonly changes: NodeChanges;
  /** Names this process, unique among all nodes and starts. */
  readonly run = randomBytes(9).toString('base64url');
  /** Undefined without a bus. */
  readonly heartbeat: ClusterHeartbeat | undefined;
  readonly #options: NodeOptions;
  readonly clock: DatabaseClock;
  /** What the HTTP API takes of the memory. */
  readonly api: Api;
  readonly #startedAt = Date.now();
  readonly listening: Listening;
  readonly #sweep: DocumentSweep;
  #state: NodeState = 'starting';

  constructor(options: NodeOptions) {
    this.#options = options;
    const { config, log, version } = options;
    const shardConfig = withoutSecrets(config);
    this.metrics = new MetricsRegistry(nodeReads(this), version, { node: config.nodeId, id: config.publicNodeId });
    this.shards = new ShardSet({
      count: config.shards,
      filename: fileURLToPath(new URL('../shard/entry.js', import.meta.url)),
      workerData: (index): ShardWorkerData => ({
        config: shardConfig,
        index,
        run: this.run,
        metricsMemory: config.metricsEnabled ? this.metrics.addShard() : undefined,
      }),
      log: log.child({ part: 'shards' }),
      startTimeoutMs: config.shardStartTimeoutMs,
      onAnswer: (index, answer) => {
        this.acceptor.deliver(index, answer);
        if (this.shards.links[index]?.status.storageLost === true) this.#storageLost();
      },
      onReady: (index) => {
        this.acceptor.coalescer.pump(index);
      },
      onRestarted: (index) => {
        this.acceptor.resendInterests(index);
      },
      onAbandoned: (task) => {
        this.acceptor.abandon(task);
      },
    });
    const acceptorMetrics = config.metricsEnabled ? this.metrics.acceptor : new AcceptorMetrics(undefined);
    this.auth = new NodeAuth({
      config,
      ...{ log: log.child({ part: 'auth' }), metrics: acceptorMetrics },
      throttle: new SharedThrottle(clusterThrottle(this.shards)),
      sessions: () => this.acceptor.identities(),
      onOrder: (order) => {
        obey(order, { ...options, acceptor: this.acceptor });
      },
    });
    this.snapshots = new NodeSnapshots({
      ...{ config, log: log.child({ part: 'snapshots' }), metrics: acceptorMetrics, audit: this.auth.writeAudit },
      documents: () => this.acceptor.documents,
    });
    this.validator = openValidator(config, log.child({ part: 'validation' }), acceptorMetrics);
    this.changes = new NodeChanges({ ...options, run: this.run, metrics: acceptorMetrics });
    this.clock = new DatabaseClock({
      shards: this.shards,
      log: log.child({ part: 'clock' }),
      maxSkewMs: config.maxClockSkewMs,
    });
    const rendering = new SharedRendering(this.metrics);
    this.listening = new Listening({
      ...{ config, metrics: acceptorMetrics, rendering, log: log.child({ part: 'http' }) },
      acceptor: () => this.acceptor,
      register: (app) => {
        routes.register(app);
      },
      draining: () => this.#state === 'draining',
    });
    const { lifecycle, history, sweep } = documentLifecycle({
      ...{ config, log: log.child({ part: 'documents' }), shards: this.shards, metrics: acceptorMetrics },
      snapshots: this.snapshots.store,
    });
    this.#sweep = sweep;
    this.acceptor = new Acceptor({
      apps: this.listening.apps,
      config,
      log: log.child({ part: 'acceptor' }),
      verifier: this.auth.authenticator,
      audit: this.auth.writeAudit,
      decide: this.auth.decide,
      writeCheck: this.validator,
      shards: this.shards,
      ...{ lifecycle, history },
      run: this.run,
      ...{ metrics: acceptorMetrics, users: this.changes.users },
      onWrite: (documentId) => {
        this.snapshots.schedule.changed(documentId);
      },
    });
    this.heartbeat = config.bus === undefined ? undefined : this.#heartbeat();
    const routes = nodeRoutes({
      ...{ config, log: log.child({ part: 'http' }), version, startedAt: this.#startedAt },
      ...{ rendering, metrics: acceptorMetrics },
      ...{ acceptor: this.acceptor, auth: this.auth, shards: this.shards, clock: this.clock },
      snapshots: this.snapshots.snapshots,
      ...{ changes: this.changes.changes, webhook: this.changes.webhook },
      cluster: () => this.heartbeat?.status(),
      facts: () => this.#entry(),
      onDrain: options.onDrain,
      state: () => this.#state,
    });
    this.api = routes.api;
  }

  /**
   * Waits for the database if there is one, opens the storage and listens.
   *
   * @returns The port that it listens on.
   * @throws Error when the storage can't be opened or the port is in use.
   */
  async start(): Promise<number> {
    // First, because it may fail: no client must connect to a server that does not stay up.
    await this.listening.start();
    await this.#waitForDatabase();
    await this.changes.start();
    await this.shards.start();
    await this.auth.start();
    await this.clock.start();
    try {
      await this.listening.accept();
    } catch (error) {
      await this.changes.close();
      await this.shards.stop();
      await this.auth.close();
      throw error;
    }
    this.#state = 'running';
    this.snapshots.schedule.start();
    this.heartbeat?.beat();
    this.#sweep.start();
    return this.listening.apps.port;
  }

  /**
   * Shuts down without loss: accepts no new connections, makes everything durable and acknowledges it, disconnects the
   * clients over the time of the drain, and stops the shards. It takes as long as the storage needs; the caller
   * enforces the deadline.
   */
  async drain(): Promise<void> {
    if (this.#state !== 'running') return;
    this.#state = 'draining';
    this.heartbeat?.beat();
    this.listening.apps.stopListening();
    this.acceptor.streams.endAll();
    this.changes.drain();
    await this.#drainClients(this.#options.config.drainMs);
    // Connections that were being opened when listening stopped.
    await this.#drainClients(0);
    // Writes of clients that disconnected by themselves.
    await this.#flush();
    await this.acceptor.awareness.drain();
    this.acceptor.stop();
    this.#sweep.stop();
    this.clock.stop();
    await this.heartbeat?.leave();
    await this.snapshots.close();
    await this.changes.close();
    await this.shards.stop();
    await this.auth.close();
    await this.validator?.close();
    this.listening.close();
    this.#state = 'stopped';
  }

  /** Done here and not in the shards, so that a single connection migrates and the wait is logged once. */
  async #waitForDatabase(): Promise<void> {
    const { config, log } = this.#options;
    const { storage } = config;
    if (storage.kind !== 'postgres') return;
    const { startDatabase } = await import('../storage/postgres/connection/start.js');
    await startDatabase(storage, log);
  }

  /**
   * Acks of what was durable before are with the clients, or on the way in answers of other shards. What was not durable
   * stays with its clients, which send it again to the next process.
   */
  #storageLost(): void {
    if (this.#state === 'lost') return;
    this.#state = 'lost';
    const { log, onStorageLost } = this.#options;
    log.fatal(this.leftovers(), 'the storage failed for good: the process ends, so that it is started again');
    this.listening.apps.stopListening();
    setTimeout(() => {
      for (const session of this.acceptor.sessions.all()) disconnect(session);
      setTimeout(onStorageLost, CLOSE_GRACE_MS);
    }, LAST_ACKS_MS);
  }

  /** What is left to do, for the log of a drain that ran out of time. */
  leftovers(): { sessions: number; queuedBytes: number; unsettledBytes: number } {
    return {
      sessions: this.acceptor.sessions.size,
      queuedBytes: this.acceptor.coalescer.queuedBytes,
      unsettledBytes: this.shards.retainedBytes,
    };
  }

  #drainClients(durationMs: number): Promise<void> {
    const { log } = this.#options;
    return drainClients({ sessions: this.acceptor.sessions.all(), durationMs, flush: () => this.#flush(), log });
  }

  /** Resolves when everything that clients have sent until now is durable and acknowledged. */
  async #flush(): Promise<void> {
    const isSubmitted = this.acceptor.coalescer.flushAll();
    while (!isSubmitted()) await sleep(FLUSH_POLL_MS);
    await this.shards.fence();
  }

  #heartbeat(): ClusterHeartbeat {
    const { log } = this.#options;
    return new ClusterHeartbeat({
      entry: () => this.#entry(),
      announce: (entry, leaseMs) => askCluster(this.shards, { kind: 'announce', entry, leaseMs }),
      leave: (run) => askCluster(this.shards, { kind: 'leave', run }),
      log: log.child({ part: 'cluster' }),
      metrics: this.metrics.acceptor,
      onGone: (runs) => {
        this.acceptor.awareness.forgetRuns(runs);
      },
    });
  }

  #entry(): NodeEntry {
    return nodeEntry(this, {
      ...this.#options,
      startedAt: this.#startedAt,
      isDraining: this.#state === 'draining',
    });
  }
}
