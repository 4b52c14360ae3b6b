import type { TemplatedApp } from 'uWebSockets.js';
import { errors } from '../errors.js';
import { SampledLog } from '../log.js';
import type { DisconnectTarget } from '../auth/accounts/orders.js';
import { anonymousIdentity } from '../auth/identity.js';
import type { ChunkMemory } from '../protocol/chunks.js';
import type { AcceptorOptions } from './acceptor-options.js';
import { awarenessCluster } from './awareness-cluster.js';
import { Doors } from './addresses/doors.js';
import { refuseTask } from './abandoned-task.js';
import { cancelReads } from './session/limits/cancel-reads.js';
import { disconnectAll } from './session/disconnect.js';
import { Budgets } from './session/limits/budgets.js';
import { Charges } from './session/limits/charges.js';
import { ReadAdmission } from './session/limits/read-admission.js';
import { Authentication } from './session/authentication.js';
import { Coalescer } from './coalescer.js';
import { Compression, noCompression } from './session/compression.js';
import { Connections } from './connections.js';
import { Control } from './control.js';
import { Delivery } from './fan-out/delivery.js';
import { AddressBudgets } from './http/address-budgets.js';
import { keepsHistoryOf } from '../messages/history.js';
import { DocumentHistory } from './http/document-history.js';
import { DocumentLifecycle } from './http/document-lifecycle.js';
import { DocumentRequests } from './http/document-requests.js';
import { EventStreams } from './http/event-streams.js';
import { EventTopics } from './fan-out/event-topics.js';
import { HttpSessions } from './http/http-sessions.js';
import { EndedDocuments } from './fan-out/ended-documents.js';
import { FlushBudget } from './fan-out/flush-budget.js';
import { Interests } from './fan-out/interests.js';
import { Awareness } from './awareness/awareness.js';
import { Outgoing } from './fan-out/outgoing.js';
import { Router } from './router.js';
import { HeldBytes } from './session/held-frames.js';
import { liveIdentities, type LiveIdentity } from './session/live-identities.js';
import { Refusals } from './session/refusals.js';
import { SessionMeter } from './session/limits/session-meter.js';
import type { Session } from './session/session.js';
import { Sessions } from './session/sessions.js';
import { Topics } from './fan-out/topics.js';
import { eventLoopUtilization, TurnCost } from './fan-out/turn-cost.js';

/** Lists and deletions that wait for shards at a time; a shard takes so many requests besides its tasks. */
const MAX_LIFECYCLE_REQUESTS = 16;

/** The WebSocket side of the node: accepts sockets, routes their messages to the shards, and delivers the answers. */
export class Acceptor {
  readonly meter: SessionMeter;
  readonly sessions: Sessions;
  readonly admission: ReadAdmission;
  readonly outgoing: Outgoing;
  readonly doors: Doors;
  readonly chunkMemory: ChunkMemory;
  readonly topics: Topics;
  readonly awareness: Awareness;
  readonly coalescer: Coalescer;
  /** Messages that wait until something about their session is known. */
  readonly heldBytes: HeldBytes;
  /** What comes by HTTP. */
  readonly documents: DocumentRequests;
  readonly streams: EventStreams;
  readonly #http: HttpSessions;
  readonly #events = new EventTopics();
  readonly #options: AcceptorOptions;
  readonly #authentication: Authentication;
  readonly #router: Router;
  readonly #delivery: Delivery;
  readonly #connections: Connections;
  /** Tells shards which documents have subscribers: all changes with a bus, else after the death of a worker. */
  readonly #interests: Interests;

  constructor(options: AcceptorOptions) {
    this.#options = options;
    const { apps, config, log, verifier, shards, metrics } = options;
    this.meter = new SessionMeter(metrics);
    this.heldBytes = new HeldBytes(config.maxHeldBytes);
    this.chunkMemory = { maxBytes: config.maxNodeChunkedBytes, bytes: 0 };
    const budgets = new Budgets(config);
    const sampled = new SampledLog(log);
    this.doors = new Doors({ config, log: sampled, metrics, sessions: () => this.sessions.size });
    this.sessions = new Sessions(budgets);
    this.admission = new ReadAdmission({
      bytesPerSecond: config.maxNodeReadBytesPerSecond,
      maxBytesInFlight: config.maxReadBytesInFlight,
      maxWaitingBytes: config.maxWaitingReadBytes,
    });
    this.outgoing = new Outgoing({
      sessions: [this.sessions, { values: () => this.#http.values() }],
      maxBytes: config.maxOutgoingBytes,
      disconnect: (session) => {
        this.#connections.disconnectSlow(session);
      },
      pumpReads: (session) => {
        this.#delivery.pumpReads(session);
      },
    });
    const onInterest =
      config.bus &&
      ((documentId: string): void => {
        this.#interests.changed(documentId);
      });
    this.topics = new Topics(config.maxSubscriptions, onInterest, options.users);
    this.awareness = new Awareness({
      publish: apps.publish,
      metrics,
      meter: this.meter,
      timeoutMs: config.awarenessTimeoutMs,
      maxClientIds: config.maxClientIds,
      maxBytes: config.maxLocalAwarenessBytes,
      maxSessionBytes: config.maxSessionAwarenessBytes,
      maxDocuments: config.maxSubscriptions,
      cluster: config.bus === undefined ? undefined : awarenessCluster(options),
    });
    const { flushShare: share, batchDelayMs: capMs } = config;
    const flushBudget = new FlushBudget({ share, capMs, utilization: eventLoopUtilization() });
    this.coalescer = new Coalescer({
      shards: {
        indexOf: (documentId) => shards.indexOf(documentId),
        ready: (index) => shards.links[index]?.ready === true,
        submit: (index, task) => shards.links[index]?.submit(task),
        retainedBytes: () => shards.retainedBytes,
      },
      shardCount: shards.links.length,
      batchSize: config.batchSize,
      batchDelayMs: config.batchDelayMs,
      flushed: (documentId, now) => flushBudget.flushed(this.topics.subscribersOf(documentId), now),
      gatherMs: config.gatherMs,
      maxQueuedBytes: config.maxQueuedBytes,
      variantsOf: (documentId) => this.topics.variantsOf(documentId),
      isOnlySubscriber: (session, documentId) => this.topics.isOnlySubscriber(this.sessions.find(session), documentId),
      ...{ waits: metrics.coalescingWait, windows: metrics.flushWindow, onWrite: options.onWrite },
    });
    const { topics, coalescer } = this;
    const interests = { topics, coalescer, indexOf: (documentId: string) => shards.indexOf(documentId) };
    this.#interests = new Interests(interests);
    this.#authentication = new Authentication({
      verifier,
      ...{ audit: options.audit, decide: options.decide },
      required: config.authRequired,
      timeoutMs: config.authTimeoutMs,
      log: sampled,
      metrics,
      hold: (session) => this.#router.hold(session),
      onIdentity: (session, identity, access) => {
        const { userId } = identity;
        this.#connections.authenticated(session);
        this.sessions.setUser(session, userId, identity === anonymousIdentity);
        this.topics.restrict(session, (documentId) => access.mayRead(documentId));
        this.awareness.restrict(session, userId, (documentId) => access.mayRead(documentId));
        cancelReads(session, (documentId) => access.mayRead(documentId), metrics);
      },
    });
    const charges = new Charges(config);
    this.#http = new HttpSessions({
      authentication: this.#authentication,
      ...{ sessions: this.sessions, topics: this.topics, metrics, budgets: new AddressBudgets(budgets) },
      outgoing: this.outgoing,
    });
    const { writeCheck } = options;
    const http = { sessions: this.#http, coalescer, admission: this.admission, charges, metrics };
    const { httpTimeoutMs: timeoutMs } = config;
    const lifecycle = new DocumentLifecycle({
      ...{ documents: options.lifecycle, audit: options.audit, log: sampled, metrics, timeoutMs },
      maxWaiting: MAX_LIFECYCLE_REQUESTS,
    });
    const keepsHistory = keepsHistoryOf(config.historyPrefixes);
    const history = new DocumentHistory({ ...options, keepsHistory, log: sampled, timeoutMs });
    this.documents = new DocumentRequests({ ...http, timeoutMs, lifecycle, writeCheck, history, keepsHistory });
    this.streams = new EventStreams({
      ...{ ...http, topics: this.topics, events: this.#events, addresses: this.doors.addresses },
      delivery: () => this.#delivery,
      ...{ maxStreams: config.maxEventStreams, maxBackpressureBytes: config.maxBackpressureBytes },
    });
    this.#router = new Router({
      authentication: this.#authentication,
      control: new Control({
        ...this.#parts(),
        ...config,
        answerAwareness: (session, documentId, read) => {
          this.#delivery.answerAwareness(session, documentId, read);
        },
      }),
      ...this.#parts(),
      metrics,
      heldBytes: this.heldBytes,
      ...{ charges, keepsHistory, writeCheck },
      chunkMemory: this.chunkMemory,
      refusals: new Refusals({ metrics, charges, log: sampled }),
      chunkLimits: { sets: config.maxChunkSets, bytes: config.maxChunkedBytes, timeout: config.chunkTimeoutMs },
      fence: async () => {
        // Also for updates of other nodes, a shard must know the new variant: its record may wait in the coalescer.
        await this.coalescer.handedOver();
        await shards.fence();
      },
    });
    const { compressionMinBytes, compressionMaxBytes } = config;
    const compression = config.compression ? new Compression(compressionMinBytes, compressionMaxBytes) : noCompression;
    const ended = new EndedDocuments({
      ...{ publish: apps.publish, topics: this.topics, metrics },
      sessions: () => this.#everySession(),
    });
    this.#delivery = new Delivery({
      onEnded: (documentId) => {
        ended.end(documentId);
      },
      ...{ publish: apps.publish, events: this.#events, topics: this.topics, awareness: this.awareness, compression },
      ...{ metrics, meter: this.meter, admission: this.admission, outgoing: this.outgoing },
      maxBackpressureBytes: config.maxBackpressureBytes,
      cost: new TurnCost(flushBudget),
      find: (number) => this.#find(number),
      onSettled: (shard, task) => shards.links[shard]?.settle(task),
      onSettledGroup: (shard, task, group) => shards.links[shard]?.settleGroup(task, group),
      onRelayed: (shard, task, group, records) => shards.links[shard]?.noteRelayed(task, group, records),
      onStatus: (shard, status) => {
        const link = shards.links[shard];
        if (link !== undefined) link.status = status;
      },
    });
    this.#connections = new Connections({
      ...{ apps, config, log, sampled, metrics, meter: this.meter, sessions: this.sessions, topics: this.topics },
      ...{ awareness: this.awareness, outgoing: this.outgoing, doors: this.doors, budgets, compression },
      authentication: this.#authentication,
      router: this.#router,
      delivery: this.#delivery,
    });
  }

  /** Adds the WebSocket route and the limits of addresses to an app. */
  serve(app: TemplatedApp): void {
    this.doors.watch(app);
    this.#connections.serve(app);
  }

  /** Who the sessions belong to that are open now, live, and what ends one or gives it other permissions. */
  identities(): Iterable<LiveIdentity> {
    return liveIdentities(this.#everySession(), this.sessions.newest, this.#authentication);
  }

  /** Ends the connections of a user or those to a document. @returns How many. */
  disconnect(target: DisconnectTarget): Promise<number> {
    return disconnectAll(target, {
      ofUser: (user) => this.sessions.ofUser(user) ?? [],
      all: () => this.#everySession(),
      newest: () => this.sessions.newest,
      metrics: this.#options.metrics,
    });
  }

  /** An answer of a shard. */
  deliver(shard: number, answer: Uint8Array<ArrayBuffer>): void {
    this.#delivery.deliver(shard, answer);
  }

  /** Answers the senders of a task with an error: no worker survives it, and they must not wait for ever. */
  abandon(task: Uint8Array<ArrayBuffer>): void {
    const { admission } = this;
    refuseTask(task, {
      find: (number) => this.#find(number),
      admission,
      delivery: this.#delivery,
      metrics: this.#options.metrics,
    });
  }

  /** A shard has a new worker: sends it the subscriptions and the awareness of its documents. */
  resendInterests(shard: number): void {
    if (this.#options.config.bus !== undefined) this.awareness.restart(shard);
    this.#interests.sendAll(shard);
  }

  stop(): void {
    this.#interests.stop();
    this.admission.stop();
    this.#connections.stop();
    this.#authentication.stop();
    this.outgoing.stop();
    this.coalescer.stop();
    this.#router.stop();
    this.awareness.stop();
  }

  #find(number: number): Session | undefined {
    return this.sessions.find(number) ?? this.#http.find(number);
  }

  *#everySession(): IterableIterator<Session> {
    yield* this.sessions.values();
    yield* this.#http.values();
  }

  #parts(): { coalescer: Coalescer; topics: Topics; awareness: Awareness; admission: ReadAdmission } {
    const { coalescer, topics, awareness, admission } = this;
    return { coalescer, topics, awareness, admission };
  }
}

/** The reason in the close frame of a drain. */
export const drainReason = errors.SHUTTING_DOWN.sentence;
