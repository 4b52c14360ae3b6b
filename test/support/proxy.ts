/** A TCP proxy that can do to connections what networks do. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** `stalled`: nothing gets through, and nobody is told. `down`: nobody is let in. */
export type ProxyState = 'open' | 'stalled' | 'down';

export interface Proxy {
  readonly port: number;
  /** An address of the target, by way of the proxy. */
  through(url: string): string;
  /** What happens to connections from now on; `down` breaks those there are. */
  set(state: ProxyState): void;
  /** Breaks all connections that there are. */
  cut(): void;
  close(): Promise<void>;
}

export async function startProxy(target: string): Promise<Proxy> {
  const { hostname, port } = new URL(target);
  const pairs = new Set<readonly [Socket, Socket]>();
  let state: ProxyState = 'open';
  const server = createServer((near) => {
    near.on('error', () => near.destroy());
    if (state === 'down') {
      near.resetAndDestroy();
      return;
    }
    const far = connect(Number(port), hostname);
    const pair = [near, far] as const;
    pairs.add(pair);
    forward(near, far);
    forward(far, near);
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
    async close() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Not `pipe`, which would resume a socket that is held. */
function forward(from: Socket, to: Socket): void {
  from.on('data', (bytes) => to.write(bytes));
  from.on('error', () => from.destroy());
}
