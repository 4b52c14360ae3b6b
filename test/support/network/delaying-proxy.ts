/** A TCP proxy that is as far away as one likes: bytes take half of a round trip each way, in order. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { Random } from '../random.js';

export interface Distance {
  readonly roundTripMs: number;
  /** Each piece is late by up to this much more, each way; default 0. A late piece holds up those behind it, as in TCP. */
  readonly jitterMs?: number;
  /** Of the jitter. */
  readonly seed?: number;
}

export interface DelayingProxy {
  /** An address of the target, by way of the proxy. */
  through(url: string): string;
  /** Breaks all connections; what is under way is lost. New ones are let in. */
  cut(): void;
  close(): Promise<void>;
}

/** @param target A URL with a port. */
export async function delayingProxy(target: string, distance: Distance): Promise<DelayingProxy> {
  const { hostname, port } = new URL(target);
  const random = new Random(distance.seed ?? 0);
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    forward(near, far, new Line(distance, random));
    forward(far, near, new Line(distance, random));
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const own = (server.address() as AddressInfo).port;
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    through(url) {
      const address = new URL(url);
      address.hostname = '127.0.0.1';
      address.port = String(own);
      return address.href;
    },
    cut,
    async close() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}

/** What is under way in one direction of one connection. */
class Line {
  readonly #underWay: { readonly dueMs: number; readonly arrive: () => void }[] = [];
  #lastDueMs = 0;

  constructor(
    readonly distance: Distance,
    readonly random: Random,
  ) {}

  carry(arrive: () => void): void {
    const { roundTripMs, jitterMs = 0 } = this.distance;
    const late = jitterMs === 0 ? 0 : this.random.below(jitterMs + 1);
    const dueMs = Math.max(this.#lastDueMs, performance.now() + roundTripMs / 2 + late);
    this.#lastDueMs = dueMs;
    this.#underWay.push({ dueMs, arrive });
    if (this.#underWay.length === 1) this.#schedule();
  }

  /** One timer at a time: two that are due at once may fire in any order. */
  #schedule(): void {
    const first = this.#underWay[0];
    if (first === undefined) return;
    const waitMs = Math.max(0, Math.ceil(first.dueMs - performance.now()));
    setTimeout(() => {
      const now = performance.now();
      while (this.#underWay[0] !== undefined && this.#underWay[0].dueMs <= now + 0.5) this.#underWay.shift()!.arrive();
      this.#schedule();
    }, waitMs);
  }
}

function forward(from: Socket, to: Socket, line: Line): void {
  from.on('data', (bytes) => line.carry(() => to.writable && to.write(bytes)));
  from.on('error', () => to.destroy());
  from.once('close', (hadError) => {
    if (hadError) to.destroy();
    else line.carry(() => to.end());
  });
}
