/**
 * The uWebSockets apps of a node, which share its port: one, and after the renewal of a certificate one more for as long
 * as connections of the former certificate are open.
 */
import uWS, { type TemplatedApp, type us_listen_socket } from 'uWebSockets.js';
import type { Session } from './session/session.js';

/** Paths of the certificate and its key, in PEM. */
export interface AppFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface AppsOptions {
  /** To listen on; 0 = any free port. */
  readonly port: number;
  /** @throws Error when the port can't be listened on. */
  readonly listen: (app: TemplatedApp, port: number, isFirst: boolean) => Promise<us_listen_socket>;
  /** Adds the routes to an app that was just made. */
  readonly setUp: (app: TemplatedApp) => void;
  /** There are too many apps: the WebSockets of this one must end. */
  readonly onTooMany: (app: TemplatedApp) => void;
}

/** Publishes to all sockets of the node that have joined a topic. */
export type Publish = (
  topic: string,
  frame: Uint8Array<ArrayBuffer>,
  isBinary: boolean,
  compress?: boolean,
  /** Gets nothing; must have joined a topic. */
  except?: Pick<Session, 'app' | 'socket'>,
) => void;

interface Listener {
  readonly app: TemplatedApp;
  /** Undefined when it accepts no more connections. */
  socket: us_listen_socket | undefined;
  /** Open connections of any kind. */
  connections: number;
}

/** Apps with connections of former certificates. Each costs one native call more per publish. */
const MAX_FORMER = 3;

export class Apps {
  readonly #options: AppsOptions;
  readonly #listeners: Listener[] = [];
  #port: number;

  constructor(options: AppsOptions) {
    this.#options = options;
    this.#port = options.port;
  }

  /** The port that it listens on, once it does. */
  get port(): number {
    return this.#port;
  }

  /** How many have connections or listen. */
  get size(): number {
    return this.#listeners.length;
  }

  readonly publish: Publish = (topic, frame, isBinary, compress = false, except) => {
    for (const { app } of this.#listeners) {
      publishIn(app, topic, frame, isBinary, compress, except);
    }
  };

  /**
   * Listens; and when it listens already, a new app does so in the place of the present one, whose connections stay.
   * uWebSockets can't exchange the certificate of an app: `addServerName` serves only clients that name the host, and
   * taking a name away frees routes that open connections still use. Both listen on the port for a moment, so that no
   * connection is refused.
   *
   * @param files Undefined: without TLS.
   * @throws Error when the port can't be listened on, or the files can't be used.
   */
  async listen(files?: AppFiles): Promise<void> {
    const app = files === undefined ? uWS.App() : uWS.SSLApp(optionsOf(files));
    const listener: Listener = { app, socket: undefined, connections: 0 };
    app.filter((_, count) => {
      // 1 for a new connection, -1 for one that has ended as HTTP.
      this.#counted(listener, Number(count));
    });
    this.#options.setUp(app);
    const socket = await this.#options.listen(app, this.#port, this.#listeners.length === 0);
    listener.socket = socket;
    this.#port = uWS.us_socket_local_port(socket);
    this.#listeners.push(listener);
    this.#stopListening(this.#listeners.slice(0, -1));
    const former = this.#listeners.at(-2 - MAX_FORMER);
    if (former !== undefined) this.#options.onTooMany(former.app);
  }

  /** A WebSocket of an app has closed. */
  left(app: Session['app']): void {
    const listener = this.#listeners.find((one) => one.app === app);
    if (listener !== undefined) this.#counted(listener, -1);
  }

  /** Accepts no more connections; the open ones stay. */
  stopListening(): void {
    this.#stopListening([...this.#listeners]);
  }

  /** Ends all connections, idle ones that are kept alive too. */
  close(): void {
    for (const { app } of this.#listeners) app.close();
  }

  #stopListening(listeners: readonly Listener[]): void {
    for (const listener of listeners) {
      if (listener.socket !== undefined) uWS.us_listen_socket_close(listener.socket);
      listener.socket = undefined;
      this.#counted(listener, 0);
    }
  }

  #counted(listener: Listener, change: number): void {
    listener.connections += change;
    if (listener.connections > 0 || listener.socket !== undefined) return;
    const at = this.#listeners.indexOf(listener);
    // The last one stays, so that there is one to close.
    if (at >= 0 && at < this.#listeners.length - 1) this.#listeners.splice(at, 1);
  }
}

/** Publishes in one app: through the socket that gets nothing, if it belongs to the app. */
export function publishIn(app: Pick<TemplatedApp, 'publish'>, ...message: Parameters<Publish>): void {
  const [topic, frame, isBinary, compress, except] = message;
  const publisher = except?.app === app ? except.socket : app;
  publisher.publish(topic, frame, isBinary, compress);
}

function optionsOf({ certFile, keyFile }: AppFiles): Parameters<typeof uWS.SSLApp>[0] {
  return { cert_file_name: certFile, key_file_name: keyFile, ssl_prefer_low_memory_usage: true };
}
