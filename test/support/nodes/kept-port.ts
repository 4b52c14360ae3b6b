import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Where an HTTP server of a test listens: on any free port first, on the same one when it begins anew. */
export class KeptPort {
  #port = 0;
  #server: Server | undefined;

  get port(): number {
    return this.#port;
  }

  async listen(server: Server): Promise<void> {
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Ends it, with its connections. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
}
