/** Listening, and the sentences for why it is not possible. */
import { createServer } from 'node:net';
import uWS, { type TemplatedApp, type us_listen_socket } from 'uWebSockets.js';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** The types of uWebSockets.js lack the form with a host and options, which its code has. */
interface ListensWithOptions {
  listen(host: string, port: number, options: number, done: (socket: us_listen_socket | false) => void): unknown;
}

/** In uWebSockets.js: other processes may not listen on the port too. */
const EXCLUSIVE_PORT = 1;

/** The port can't be listened on. The message is a sentence for the operator. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/**
 * @param shared Whether others listen on the port too, or may (SO_REUSEPORT). The kernel then divides the connections
 *   among them, so processes must hear of each other's writes.
 * @param renewed Whether this process may listen there once more later.
 * @throws ListenError
 */
export async function listen(
  app: TemplatedApp,
  address: Address,
  shared: boolean,
  renewed: boolean,
): Promise<us_listen_socket> {
  const { host, port } = address;
  // A port that is shared with an app to come does not keep other processes away by itself.
  const taken = renewed && !shared ? await probe(address) : undefined;
  const listening = await new Promise<us_listen_socket | false>((resolve) => {
    if (taken !== undefined) resolve(false);
    else if (shared || renewed) app.listen(host, port, resolve);
    else (app as unknown as ListensWithOptions).listen(host, port, EXCLUSIVE_PORT, resolve);
  });
  if (listening !== false) return listening;
  const code = taken ?? (await probe(address));
  const second = shared ? '' : '. Several servers may share a port only with REDIS_URL';
  throw new ListenError(`${listenProblem('PORT', address, code)}${code === 'EADDRINUSE' ? second : ''}`);
}

/** The port that a socket got. */
export function portOf(listening: us_listen_socket): number {
  return uWS.us_socket_local_port(listening);
}

/** Listens for a moment. @returns The code of the error, such as `EACCES`; undefined if there is none. */
export function probe({ host, port }: Address): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? error.message);
    });
    server.listen({ host, port, exclusive: true }, () => {
      server.close(() => {
        resolve(undefined);
      });
    });
  });
}

/** @param variable That names the port. @param code Of the error, if it is known. */
export function listenProblem(variable: string, { host, port }: Address, code: string | undefined): string {
  const where = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  switch (code) {
    case 'EACCES':
      return `can't listen on ${where}: the process may not use this ${variable}. Ports below 1024 need CAP_NET_BIND_SERVICE (systemd: AmbientCapabilities), or a proxy in front`;
    case 'EADDRNOTAVAIL':
    case 'EAI_AGAIN':
    case 'ENOTFOUND':
    case 'EINVAL':
      return `can't listen on ${where}: HOST is no address of this machine`;
    case 'EADDRINUSE':
      return `can't listen on ${where}: ${variable} is taken by another process (who: ss -ltnp 'sport = :${port}')`;
    default:
      return `can't listen on ${where}: ${code ?? 'it was taken for a moment'}`;
  }
}
