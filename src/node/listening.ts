/** The ports of a node: its apps with all their routes, the server for scrapes, and the certificate of both. */
import type { Server } from 'node:http';
import { Server as TlsServer } from 'node:https';
import type { TemplatedApp } from 'uWebSockets.js';
import type { Acceptor } from '../acceptor/acceptor.js';
import { Apps } from '../acceptor/apps.js';
import { disconnect } from '../acceptor/drain-clients.js';
import type { Config } from '../config/load.js';
import { listenForScrapes, type MetricsDeps } from '../http/metrics.js';
import type { HttpDeps } from '../http/ports.js';
import type { SharedRendering } from '../http/shared-rendering.js';
import type { Logger } from '../log.js';
import type { AcceptorMetrics } from '../metrics/acceptor-metrics.js';
import { listen, ListenError } from '../start/listen.js';
import { CertificateError, readCertificate, type Certificate } from '../tls/certificate.js';

export interface ListeningOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly metrics: AcceptorMetrics;
  readonly rendering: SharedRendering;
  /** It is made later. */
  readonly acceptor: () => Acceptor;
  /** Adds the HTTP routes to an app. */
  readonly register: (app: TemplatedApp) => void;
  readonly draining: () => boolean;
}

const soonMs = 7 * 86_400_000;

export class Listening {
  readonly apps: Apps;
  readonly #options: ListeningOptions;
  #certificate: Certificate | undefined;
  #scrapes: Server | TlsServer | undefined;
  /** Renewals one after the other. */
  #renewing: Promise<void> = Promise.resolve();

  constructor(options: ListeningOptions) {
    this.#options = options;
    const { host, port, sharesPort, tls } = options.config;
    this.apps = new Apps({
      port,
      // A renewed certificate has an app of its own on the port.
      listen: (app, port, isFirst) => listen(app, { host, port }, sharesPort || !isFirst, tls !== undefined),
      setUp: (app) => {
        options.acceptor().serve(app);
        options.register(app);
      },
      onTooMany: (app) => {
        const former = options.acceptor().sessions.all();
        for (const session of former) if (session.app === app) disconnect(session);
        // It is not known whose they are; their clients come back, and resume.
        options.acceptor().streams.endAll();
      },
    });
  }

  /** Milliseconds since the epoch; 0 without TLS. */
  get certificateExpiresAt(): number {
    return this.#certificate?.expiresAt ?? 0;
  }

  /**
   * Reads the certificate, and listens for scrapes.
   *
   * @throws CertificateError, or Error when METRICS_PORT is in use.
   */
  async start(): Promise<void> {
    const { tls } = this.#options.config;
    if (tls !== undefined) this.#certificate = this.#read(tls);
    this.#scrapes = await listenForScrapes(this.#scraping(), this.#certificate);
  }

  /** Listens for clients. @throws Error when the port can't be listened on. */
  accept(): Promise<void> {
    return this.#listen(this.#certificate);
  }

  /** Takes the certificate that the files hold now. What can't be used is logged, and the former one stays. */
  renewCertificate(): Promise<void> {
    this.#renewing = this.#renewing.then(() => this.#renew());
    return this.#renewing;
  }

  close(): void {
    this.apps.close();
    this.#scrapes?.closeAllConnections();
    this.#scrapes?.close();
  }

  async #renew(): Promise<void> {
    const { config, log, metrics, draining } = this.#options;
    if (config.tls === undefined || draining()) return;
    try {
      const certificate = this.#read(config.tls);
      if (certificate.hash === this.#certificate?.hash) {
        metrics.certificateRenewals('unchanged').add(1);
        log.info('the certificate has not changed');
        return;
      }
      await this.#listen(certificate);
      if (this.#scrapes instanceof TlsServer) this.#scrapes.setSecureContext(certificate);
      this.#certificate = certificate;
      metrics.certificateRenewals('renewed').add(1);
      log.info({ expiresAt: new Date(certificate.expiresAt) }, 'new connections get the renewed certificate');
    } catch (error) {
      metrics.certificateRenewals('failed').add(1);
      const reason = error instanceof Error ? error.message : String(error);
      log.error({ reason }, 'the former certificate is used on: the one in TLS_CERT can’t be taken');
    }
  }

  #read(files: NonNullable<Config['tls']>): Certificate {
    const certificate = readCertificate(files);
    const { expiresAt } = certificate;
    const left = expiresAt - Date.now();
    if (left < soonMs) {
      this.#options.log.warn(
        { expiresAt: new Date(expiresAt) },
        `the certificate in TLS_CERT ${left <= 0 ? 'has expired: clients refuse it' : 'expires soon'}`,
      );
    }
    return certificate;
  }

  async #listen(certificate: Certificate | undefined): Promise<void> {
    try {
      await this.apps.listen(certificate?.files);
    } catch (error) {
      if (certificate === undefined || error instanceof ListenError) throw error;
      throw new CertificateError("TLS_CERT and TLS_KEY can't be used: the TLS library refuses them.", { cause: error });
    }
  }

  #scraping(): MetricsDeps {
    const { config, log, rendering, acceptor } = this.#options;
    const refusalOf: HttpDeps['refusalOf'] = (response, request) => acceptor().doors.refusalOf(response, request);
    return { config, log, metrics: rendering, refusalOf };
  }
}
