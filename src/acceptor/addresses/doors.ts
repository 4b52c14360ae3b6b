import type { HttpRequest, HttpResponse, TemplatedApp } from 'uWebSockets.js';
import type { Config } from '../../config/load.js';
import type { SampledLog } from '../../log.js';
import type { AcceptorMetrics } from '../../metrics/acceptor-metrics.js';
import { AddressRates } from './address-rates.js';
import { Addresses } from './addresses.js';
import { forwardedFor } from './forwarded.js';
import { isWellFormed } from './well-formed.js';

export interface DoorsOptions {
  readonly config: Pick<
    Config,
    | 'trustedProxies'
    | 'forwardedHeader'
    | 'connectionsPerAddress'
    | 'handshakesPerAddress'
    | 'requestsPerAddress'
    | 'maxSockets'
    | 'maxHttpConnections'
  >;
  readonly log: SampledLog;
  readonly metrics: Pick<AcceptorMetrics, 'connectionsRejected'>;
  /** Open WebSocket connections. */
  readonly sessions: () => number;
}

/** Why a connection, a handshake or a request is refused. */
type Refusal = 'sockets' | 'rate' | 'parts';

/**
 * Who may connect: limits of sockets, of new connections, handshakes and HTTP requests per address. What is refused here
 * costs a look into a table, and neither a session nor an answer that is made for it.
 */
export class Doors {
  readonly addresses: Addresses;
  readonly #options: DoorsOptions;
  readonly #accepts: AddressRates;
  readonly #handshakes: AddressRates;
  readonly #requests: AddressRates;
  /** Connections that are no WebSocket, or not yet. */
  #plain = 0;

  constructor(options: DoorsOptions) {
    this.#options = options;
    const { trustedProxies, connectionsPerAddress, handshakesPerAddress, requestsPerAddress } = options.config;
    this.addresses = new Addresses(trustedProxies, connectionsPerAddress);
    this.#handshakes = new AddressRates(handshakesPerAddress);
    this.#requests = new AddressRates(requestsPerAddress);
    // Each handshake and each request may come on a connection of its own.
    this.#accepts = new AddressRates({
      loopback: sumOf(handshakesPerAddress.loopback, requestsPerAddress.loopback),
      others: sumOf(handshakesPerAddress.others, requestsPerAddress.others),
    });
  }

  /** Connections that are no WebSocket, or not yet. */
  get plain(): number {
    return this.#plain;
  }

  /** Counts the sockets of an app, and closes those that are too many. uWS ends idle ones after ten seconds by itself. */
  watch(app: Pick<TemplatedApp, 'filter'>): void {
    app.filter((response, count) => {
      // 1 for a new connection, -1 for one that has ended as HTTP.
      this.#plain += Number(count);
      if (Number(count) > 0) this.#accept(response);
    });
  }

  /** A connection became a WebSocket. */
  upgraded(): void {
    this.#plain--;
  }

  /** The address of the client that sends a request, in its one spelling. */
  clientOf(response: HttpResponse, request: HttpRequest): string {
    const { forwardedHeader } = this.#options.config;
    const peer = peerOf(response);
    const chain = this.addresses.lookUp(peer).isTrusted ? forwardedFor(request, forwardedHeader) : [];
    return this.addresses.resolve(peer, chain);
  }

  /** Whether an address may open one more WebSocket now. */
  mayShakeHands(address: string): boolean {
    return this.#handshakes.take(address, performance.now()) || this.#refuse('rate', address);
  }

  /** The status with which an HTTP request is refused; undefined when its sender may have an answer now. */
  refusalOf(response: HttpResponse, request: HttpRequest): string | undefined {
    if (!isWellFormed(request)) return '400 Bad Request';
    const address = this.clientOf(response, request);
    if (this.#requests.take(address, performance.now())) return undefined;
    this.#refuse('rate', address);
    return '429 Too Many Requests';
  }

  /** A connection is closed whose request comes in too many parts. */
  refuseParts(address: string): void {
    this.#refuse('parts', address);
  }

  #accept(response: HttpResponse): void {
    const { config, sessions } = this.#options;
    const { address: peer = '', isTrusted } = this.addresses.lookUp(peerOf(response));
    const isFull = this.#plain > config.maxHttpConnections || this.#plain + sessions() > config.maxSockets;
    if (isFull) this.#refuse('sockets', peer);
    // A proxy stands for many clients, whose addresses are not known yet.
    else if (isTrusted || this.#accepts.take(peer, performance.now())) return;
    else this.#refuse('rate', peer);
    response.close();
  }

  #refuse(reason: Refusal, address: string): false {
    this.#options.metrics.connectionsRejected(reason).add(1);
    const { plain } = this;
    this.#options.log.sampled(
      'warn',
      { address, reason, plain, sessions: this.#options.sessions() },
      'a connection or request is refused',
    );
    return false;
  }
}

function peerOf(response: HttpResponse): string {
  return Buffer.from(response.getRemoteAddressAsText()).toString('latin1');
}

/** 0 = no limit. */
function sumOf(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : a + b;
}
