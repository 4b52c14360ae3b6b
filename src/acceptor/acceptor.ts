import uWS, {
  type HttpRequest,
  type HttpResponse,
  type TemplatedApp,
  type us_socket_context_t,
  type WebSocket,
} from 'uWebSockets.js';
import { closeCodes, errors } from '../errors.js';
import { errorBody } from '../protocol/encode.js';
import { refuseTask } from './abandoned-task.js';
import { Addresses } from './session/addresses.js';
import { cancelReads } from './session/cancel-reads.js';
import { Authentication } from './session/authentication.js';
import { acceptedSubprotocol, credentialOf } from './session/credential.js';
import { Coalescer } from './coalescer.js';
import { Compression, noCompression } from './compression.js';
import { Control } from './control.js';
import { Delivery } from './delivery.js';
import { Interests } from './interests.js';
import { Awareness } from './awareness/awareness.js';
import type { AwarenessReplicationOptions } from './awareness/replication.js';
import type { AcceptorOptions } from './acceptor-options.js';
import { Router } from './router.js';
import { HeldBytes } from './session/held-frames.js';
import { liveIdentities, type LiveIdentity } from './session/live-identities.js';
import { Session, type SocketData } from './session/session.js';
import { SessionMeter } from './session/session-meter.js';
import { Sessions } from './session/sessions.js';
import { TokenBucket } from './session/token-bucket.js';
import { Topics } from './topics.js';

/** The WebSocket side of the node: accepts sockets, routes their messages to the shards, and delivers the answers. */
export class Acceptor {
  readonly meter: SessionMeter;
  readonly sessions = new Sessions();
  readonly topics: Topics;
  readonly awareness: Awareness;
  readonly coalescer: Coalescer;
  /** Messages that wait until something about their session is known. */
  readonly heldBytes: HeldBytes;
  readonly #options: AcceptorOptions;
  readonly #addresses: Addresses;
  readonly #authentication: Authentication;
  readonly #router: Router;
  readonly #delivery: Delivery;
  readonly #compression: Compression;
  /** Tells shards which documents have subscribers: all changes with a bus, else after the death of a worker. */
  readonly #interests: Interests;
  /** Number of the last session. */
  #numbers = 0;

  constructor(options: AcceptorOptions) {
    this.#options = options;
    const { app, config, log, verifier, shards, metrics } = options;
    this.meter = new SessionMeter(metrics);
    this.heldBytes = new HeldBytes(config.maxHeldBytes);
    this.#addresses = new Addresses(config.trustedProxies, config.maxConnectionsPerIp);
    const onInterest =
      config.bus &&
      ((documentId: string): void => {
        this.#interests.changed(documentId);
      });
    this.topics = new Topics(config.maxSubscriptions, onInterest);
    this.awareness = new Awareness({
      publish: (topic, frame, isBinary) => app.publish(topic, frame, isBinary),
      metrics,
      meter: this.meter,
      timeoutMs: config.awarenessTimeoutMs,
      maxClientIds: config.maxClientIds,
      maxBytes: config.maxLocalAwarenessBytes,
      maxDocuments: config.maxSubscriptions,
      cluster: config.bus === undefined ? undefined : this.#awarenessCluster(),
    });
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
      maxQueuedBytes: config.maxQueuedBytes,
      variantsOf: (documentId) => this.topics.variantsOf(documentId),
      isOnlySubscriber: (session, documentId) => this.topics.isOnlySubscriber(this.sessions.find(session), documentId),
      waits: metrics.coalescingWait,
    });
    const { topics, coalescer } = this;
    const interests = { topics, coalescer, indexOf: (documentId: string) => shards.indexOf(documentId) };
    this.#interests = new Interests(interests);
    this.#authentication = new Authentication({
      verifier,
      ...{ audit: options.audit, decide: options.decide },
      required: config.authRequired,
      timeoutMs: config.authTimeoutMs,
      log,
      metrics,
      hold: (session) => this.#router.hold(session),
      onIdentity: (session, { userId }, access) => {
        this.sessions.setUser(session, userId);
        this.topics.restrict(session, (documentId) => access.mayRead(documentId));
        this.awareness.restrict(session, userId, (documentId) => access.mayRead(documentId));
        cancelReads(session, (documentId) => access.mayRead(documentId), metrics);
      },
    });
    this.#router = new Router({
      authentication: this.#authentication,
      control: new Control({ ...this.#parts(), ...config }),
      ...this.#parts(),
      metrics,
      heldBytes: this.heldBytes,
      chunkLimits: { sets: config.maxChunkSets, bytes: config.maxChunkedBytes, timeout: config.chunkTimeoutMs },
      fence: async () => {
        // Also for updates of other nodes, a shard must know the new variant: its record may wait in the coalescer.
        await this.coalescer.handedOver();
        await shards.fence();
      },
    });
    const { compressionMinBytes, compressionMaxBytes } = config;
    this.#compression = config.compression ? new Compression(compressionMinBytes, compressionMaxBytes) : noCompression;
    this.#delivery = new Delivery({
      app,
      topics: this.topics,
      awareness: this.awareness,
      metrics,
      meter: this.meter,
      maxBackpressureBytes: config.maxBackpressureBytes,
      compression: this.#compression,
      find: (number) => this.sessions.find(number),
      onSettled: (shard, task) => shards.links[shard]?.settle(task),
      onSettledGroup: (shard, task, group) => shards.links[shard]?.settleGroup(task, group),
      onRelayed: (shard, task, group, records) => shards.links[shard]?.noteRelayed(task, group, records),
      onStatus: (shard, status) => {
        const link = shards.links[shard];
        if (link !== undefined) link.status = status;
      },
    });
    this.#listenOn(app);
  }

  /** The address of the client, behind trusted proxies. */
  addressOf(res: HttpResponse, req: HttpRequest): string {
    const peer = Buffer.from(res.getRemoteAddressAsText()).toString();
    return this.#addresses.resolve(peer, req.getHeader('x-forwarded-for'));
  }

  /** Who the open sessions belong to, and what ends one or gives it other permissions. */
  identities(): Iterable<LiveIdentity> {
    return liveIdentities(this.sessions, this.#authentication);
  }

  /** An answer of a shard. */
  deliver(shard: number, answer: Uint8Array<ArrayBuffer>): void {
    this.#delivery.deliver(shard, answer);
  }

  /** Answers the senders of a task with an error: no worker survives it, and they must not wait for ever. */
  abandon(task: Uint8Array<ArrayBuffer>): void {
    refuseTask(task, { sessions: this.sessions, delivery: this.#delivery, metrics: this.#options.metrics });
  }

  /** A shard has a new worker: sends it the subscriptions and the awareness of its documents. */
  resendInterests(shard: number): void {
    if (this.#options.config.bus !== undefined) this.awareness.restart(shard);
    this.#interests.sendAll(shard);
  }

  #awarenessCluster(): AwarenessReplicationOptions {
    const { run, shards, config } = this.#options;
    return {
      run,
      maxRemoteBytes: config.maxRemoteAwarenessBytes,
      shards: {
        count: shards.links.length,
        indexOf: (documentId) => shards.indexOf(documentId),
        running: (index) => shards.links[index]?.running === true,
        ready: (index) => shards.links[index]?.acceptsAwareness === true,
        send: (index, bytes) => shards.links[index]?.submitAwareness(bytes),
      },
    };
  }

  stop(): void {
    this.#interests.stop();
    this.coalescer.stop();
    this.#router.stop();
    this.awareness.stop();
  }

  #parts(): { coalescer: Coalescer; topics: Topics; awareness: Awareness } {
    return { coalescer: this.coalescer, topics: this.topics, awareness: this.awareness };
  }

  #listenOn(app: TemplatedApp): void {
    const { config, log } = this.#options;
    app.ws<SocketData>('/ws', {
      maxPayloadLength: config.maxPayloadBytes,
      maxBackpressure: config.maxBackpressureBytes,
      closeOnBackpressureLimit: 1,
      sendPingsAutomatically: true,
      idleTimeout: config.idleTimeoutSeconds,
      maxLifetime: 0,
      compression: config.compression ? uWS.SHARED_COMPRESSOR : uWS.DISABLED,
      upgrade: (res, req, context) => {
        this.#upgrade(res, req, context);
      },
      open: (ws) => {
        this.#open(ws);
      },
      message: (ws, message, isBinary) => {
        const session = ws.getUserData().session;
        if (!session.isOpen) return;
        try {
          this.#router.handle(session, Buffer.from(message), !isBinary);
        } catch (error) {
          log.error({ err: error, session: session.number }, 'a message could not be handled');
          this.#options.metrics.errors('INTERNAL').add(1);
          session.reply('error', errorBody('error', 'INTERNAL', {}));
        }
      },
      drain: (ws) => {
        this.#delivery.pumpReads(ws.getUserData().session);
      },
      dropped: (ws) => {
        this.#dropped(ws.getUserData().session);
      },
      close: (ws, code) => {
        this.#close(ws.getUserData().session, code);
      },
    });
  }

  #upgrade(res: HttpResponse, req: HttpRequest, context: us_socket_context_t): void {
    const address = this.addressOf(res, req);
    const bucket = new TokenBucket(this.#options.config.maxMessagesPerMinute, performance.now());
    const session = new Session(++this.#numbers, address, bucket, this.meter, this.#compression);
    const [key, extensions] = [req.getHeader('sec-websocket-key'), req.getHeader('sec-websocket-extensions')];
    res.upgrade<SocketData>(
      { session, credential: credentialOf(req) },
      key,
      acceptedSubprotocol(req),
      extensions,
      context,
    );
  }

  #open(ws: WebSocket<SocketData>): void {
    const { config, log, metrics } = this.#options;
    const data = ws.getUserData();
    const { session, credential } = data;
    data.credential = undefined;
    session.open(ws, { kind: 'draining' });
    // A browser can't see why an upgrade was refused, so a connection over a limit is opened and closed with a code.
    if (this.sessions.size >= config.maxConnections) {
      metrics.connectionsRejected('capacity').add(1);
      ws.end(closeCodes.tryLater, 'Too many connections');
      return;
    }
    if (!this.#addresses.enter(session.address)) {
      metrics.connectionsRejected('address').add(1);
      ws.end(closeCodes.policy, 'Too many connections from this address');
      return;
    }
    this.sessions.add(session);
    metrics.connectionsAccepted.add(1);
    log.debug({ session: session.number, address: session.address }, 'connected');
    this.#authentication.begin(session, credential);
  }

  /** uWS has dropped a frame for this socket. The client would miss it for good, so it has to reconnect. */
  #dropped(session: Session): void {
    if (!session.isOpen || session.tooSlow) return;
    session.tooSlow = true;
    this.#options.metrics.backpressureCloses.add(1);
    this.#options.log.warn(
      { session: session.number, address: session.address },
      'a client that is too slow is disconnected',
    );
    // uWS does not allow closing the socket within the call that dropped the frame.
    setImmediate(() => {
      if (session.isOpen) session.socket.close();
    });
  }

  #close(session: Session, code: number): void {
    session.become({ kind: 'closed' });
    clearTimeout(session.chunkTimer);
    session.held?.clear();
    if (!this.sessions.remove(session)) return;
    this.#options.metrics.connectionsClosed(String(code)).add(1);
    this.#addresses.leave(session.address);
    this.topics.leaveAll(session);
    this.awareness.leaveAll(session);
    this.#options.log.debug({ session: session.number, code }, 'disconnected');
  }
}

/** The reason in the close frame of a drain. */
export const drainReason = errors.SHUTTING_DOWN.sentence;
