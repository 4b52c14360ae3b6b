import uWS, {
  type HttpRequest,
  type HttpResponse,
  type TemplatedApp,
  type us_socket_context_t,
  type WebSocket,
  type WebSocketBehavior,
} from 'uWebSockets.js';
import { createOrigins, type Origins } from '../auth/origins.js';
import type { Config } from '../config/load.js';
import { closeCodes } from '../errors.js';
import type { Logger, SampledLog } from '../log.js';
import type { AcceptorMetrics } from '../metrics/acceptor-metrics.js';
import { errorBody } from '../protocol/encode.js';
import type { Apps } from './apps.js';
import type { Awareness } from './awareness/awareness.js';
import type { Compression } from './session/compression.js';
import type { Delivery } from './fan-out/delivery.js';
import type { Outgoing } from './fan-out/outgoing.js';
import type { Router } from './router.js';
import { isWellFormed } from './addresses/well-formed.js';
import type { Doors } from './addresses/doors.js';
import type { Authentication } from './session/authentication.js';
import type { Budgets } from './session/limits/budgets.js';
import { acceptedSubprotocol, credentialOf } from './session/credential.js';
import type { SessionMeter } from './session/limits/session-meter.js';
import { Session, type SocketData } from './session/session.js';
import type { Sessions } from './session/sessions.js';
import { Unauthenticated } from './session/unauthenticated.js';
import type { Topics } from './fan-out/topics.js';

export interface ConnectionsOptions {
  readonly apps: Pick<Apps, 'left'>;
  readonly config: Config;
  readonly log: Logger;
  /** For what clients can cause at will. */
  readonly sampled: SampledLog;
  readonly metrics: AcceptorMetrics;
  readonly meter: SessionMeter;
  readonly sessions: Sessions;
  readonly topics: Topics;
  readonly awareness: Awareness;
  readonly outgoing: Outgoing;
  readonly doors: Doors;
  readonly budgets: Budgets;
  readonly compression: Compression;
  readonly authentication: Authentication;
  readonly router: Router;
  readonly delivery: Delivery;
}

/** The sockets of the acceptor: opens and closes the sessions, and gives their messages to the router. */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #unauthenticated: Unauthenticated;
  readonly #origins: Origins;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#origins = createOrigins(options.config);
    this.#unauthenticated = new Unauthenticated(options);
  }

  /** Adds the WebSocket route to an app. */
  serve(app: TemplatedApp): void {
    const { config, sampled, metrics, router, delivery } = this.#options;
    const behavior: WebSocketBehavior<SocketData> = {
      maxPayloadLength: config.maxPayloadBytes,
      maxBackpressure: config.maxBackpressureBytes,
      closeOnBackpressureLimit: 1,
      sendPingsAutomatically: true,
      idleTimeout: config.idleTimeoutSeconds,
      maxLifetime: 0,
      compression: config.compression ? uWS.SHARED_COMPRESSOR : uWS.DISABLED,
      upgrade: (res, req, context) => {
        this.#upgrade(app, res, req, context);
      },
      open: (ws) => {
        this.#open(ws);
      },
      message: (ws, message, isBinary) => {
        const session = ws.getUserData().session;
        if (!session.isOpen) return;
        try {
          router.handle(session, Buffer.from(message), !isBinary);
        } catch (error) {
          sampled.sampled('error', { err: error, session: session.number }, 'a message could not be handled');
          metrics.errors('INTERNAL').add(1);
          session.reply('error', errorBody('error', 'INTERNAL', {}));
        }
      },
      drain: (ws) => {
        delivery.pumpReads(ws.getUserData().session);
      },
      dropped: (ws) => {
        this.disconnectSlow(ws.getUserData().session);
      },
      close: (ws, code) => {
        this.#close(ws.getUserData().session, code);
      },
    };
    // The SDK's documentation shows addresses without a path.
    for (const path of ['/ws', '/']) app.ws(path, behavior);
  }

  #upgrade(app: TemplatedApp, res: HttpResponse, req: HttpRequest, context: us_socket_context_t): void {
    const { doors } = this.#options;
    if (!isUpgrade(req)) {
      refuse(res, '400 Bad Request');
      return;
    }
    const address = doors.clientOf(res, req);
    if (!this.#origins.mayConnect(req.getHeader('origin'), req.getHeader('host'))) {
      this.#refuseOrigin(res, address, req.getHeader('origin'));
      return;
    }
    if (!doors.mayShakeHands(address)) {
      refuse(res, '429 Too Many Requests');
      return;
    }
    const session = new Session(this.#options.sessions.nextNumber(), address, this.#options);
    session.app = app;
    res.upgrade<SocketData>(
      { session, credential: credentialOf(req) },
      req.getHeader('sec-websocket-key'),
      acceptedSubprotocol(req),
      req.getHeader('sec-websocket-extensions'),
      context,
    );
    doors.upgraded();
  }

  #refuseOrigin(response: HttpResponse, address: string, origin: string): void {
    const { metrics, sampled } = this.#options;
    metrics.connectionsRejected('origin').add(1);
    const fields = { address, origin: origin.slice(0, 256) };
    sampled.sampled('warn', fields, 'a page is refused: CORS_ORIGINS does not name its origin');
    refuse(response, '403 Forbidden');
  }

  #open(ws: WebSocket<SocketData>): void {
    const { config, log, metrics, sessions, authentication, doors } = this.#options;
    const data = ws.getUserData();
    const { session, credential } = data;
    data.credential = undefined;
    session.open(ws, { kind: 'draining' });
    // A browser can't see why an upgrade was refused, so a connection over a limit is opened and closed with a code.
    if (sessions.size >= config.maxConnections) {
      metrics.connectionsRejected('capacity').add(1);
      ws.end(closeCodes.tryLater, 'Too many connections');
      return;
    }
    if (!doors.addresses.enter(session.address)) {
      metrics.connectionsRejected('address').add(1);
      ws.end(closeCodes.policy, 'Too many connections from this address');
      return;
    }
    sessions.add(session);
    metrics.connectionsAccepted.add(1);
    log.debug({ session: session.number, address: session.address }, 'connected');
    authentication.begin(session, credential);
    if (session.state.kind === 'connecting') this.#unauthenticated.add(session);
  }

  /** The session has an identity now. */
  authenticated(session: Session): void {
    this.#unauthenticated.remove(session);
  }

  stop(): void {
    this.#unauthenticated.stop();
  }

  /** Disconnects a client that does not take what it is sent: a frame was dropped, or too much waits for it. */
  disconnectSlow(session: Session): void {
    if (!session.isOpen || session.tooSlow) return;
    session.tooSlow = true;
    this.#options.metrics.backpressureCloses.add(1);
    const { number, address } = session;
    this.#options.sampled.sampled('warn', { session: number, address }, 'a client that is too slow is disconnected');
    // uWS does not allow closing the socket within the call that dropped the frame.
    setImmediate(() => {
      if (session.isOpen) session.socket.close();
    });
  }

  #close(session: Session, code: number): void {
    const { sessions, topics, awareness, outgoing, metrics, log } = this.#options;
    this.#options.apps.left(session.app);
    session.become({ kind: 'closed' });
    clearTimeout(session.chunkTimer);
    session.reads?.close();
    session.chunks?.close();
    session.held?.clear();
    this.#unauthenticated.remove(session);
    outgoing.measure(session);
    if (!sessions.remove(session)) return;
    metrics.connectionsClosed(String(code)).add(1);
    this.#options.doors.addresses.leave(session.address);
    topics.leaveAll(session);
    awareness.leaveAll(session);
    log.debug({ session: session.number, code }, 'disconnected');
  }
}

/** uWebSockets looks at the key alone. */
function isUpgrade(request: HttpRequest): boolean {
  const connection = request.getHeader('connection').toLowerCase().split(',');
  return (
    isWellFormed(request) &&
    request.getHeader('upgrade').toLowerCase() === 'websocket' &&
    connection.some((option) => option.trim() === 'upgrade') &&
    request.getHeader('sec-websocket-version') === '13'
  );
}

/** Answers a request for an upgrade with an error, and closes its connection. */
function refuse(response: HttpResponse, status: string): void {
  response.cork(() => response.writeStatus(status).end('', true));
}
