/** A TCP proxy that can do to connections what networks do. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** `stalled`: nothing gets through, and nobody is told. `down`: nobody is let in. */
export type ProxyState = 'open' | 'stalled' | 'down';

/** What is sent on instead of these bytes. */
export type Rewrite = (bytes: Buffer) => Buffer;

export interface Proxy {
  readonly port: number;
  /** Connections that were not let in so far. */
  readonly refused: number;
  /** An address of the target, by way of the proxy. */
  through(url: string): string;
  /** What happens to connections from now on; `down` breaks those there are. */
  set(state: ProxyState): void;
  /** Breaks all connections that there are. */
  cut(): void;
  /** Leads new connections to another target, as a name or an address does that moves; those that there are stay. */
  moveTo(url: string): void;
  close(): Promise<void>;
}

/**
 * @param rewriter Makes, for each connection, what changes the bytes on their way to the target; it is given them as they
 *   come, in pieces of any size.
 */
export async function startProxy(target: string, rewriter: () => Rewrite = () => asItIs): Promise<Proxy> {
  let { hostname, port } = new URL(target);
  const pairs = new Set<readonly [Socket, Socket]>();
  let state: ProxyState = 'open';
  let refused = 0;
  const server = createServer((near) => {
    near.on('error', () => near.destroy());
    if (state === 'down') {
      refused++;
      near.resetAndDestroy();
      return;
    }
    const far = connect(Number(port), hostname);
    const pair = [near, far] as const;
    pairs.add(pair);
    forward(near, far, rewriter());
    forward(far, near, asItIs);
    if (state === 'stalled') for (const socket of pair) socket.pause();
    for (const socket of pair) {
      socket.once('close', () => {
        pairs.delete(pair);
        for (const other of pair) other.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const own = (server.address() as AddressInfo).port;
  const cut = (): void => {
    for (const pair of pairs) for (const socket of pair) socket.resetAndDestroy();
  };
  return {
    port: own,
    get refused() {
      return refused;
    },
    through(url) {
      const address = new URL(url);
      address.hostname = '127.0.0.1';
      address.port = String(own);
      return address.href;
    },
    set(next) {
      state = next;
      if (next === 'down') cut();
      for (const socket of [...pairs].flat()) {
        if (next === 'stalled') socket.pause();
        else socket.resume();
      }
    },
    cut,
    moveTo(url) {
      ({ hostname, port } = new URL(url));
    },
    async close() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}

function asItIs(bytes: Buffer): Buffer {
  return bytes;
}

/** Not `pipe`, which would resume a socket that is held. */
function forward(from: Socket, to: Socket, rewrite: Rewrite): void {
  from.on('data', (bytes) => to.write(rewrite(bytes)));
  from.on('error', () => from.destroy());
}
