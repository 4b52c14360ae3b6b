/** New connections without a pause, and what became of them. */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const request = 'GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n';

/** Opens connections to a server one after the other, in several lanes, and asks for an answer on each. */
export class FreshConnections {
  /** Connections that were answered. */
  answered = 0;
  /** Those that were not, by the reason: `ECONNREFUSED`, `ECONNRESET` or `closed` without a word. */
  readonly failed = new Map<string, number>();
  readonly #port: number;
  readonly #pauseMs: number;
  readonly #lanes: Promise<void>[];
  #ended = false;

  /** @param pauseMs Between two connections of a lane. */
  constructor(port: number, lanes: number, pauseMs: number) {
    this.#port = port;
    this.#pauseMs = pauseMs;
    this.#lanes = Array.from({ length: lanes }, () => this.#run());
  }

  get failures(): number {
    return [...this.failed.values()].reduce((sum, count) => sum + count, 0);
  }

  async end(): Promise<void> {
    this.#ended = true;
    await Promise.all(this.#lanes);
  }

  async #run(): Promise<void> {
    while (!this.#ended) {
      const reason = await ask(this.#port);
      if (reason === undefined) this.answered++;
      else this.failed.set(reason, (this.failed.get(reason) ?? 0) + 1);
      await sleep(this.#pauseMs);
    }
  }
}

/** @returns Why there was no answer. */
function ask(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => socket.write(request));
    socket.on('data', () => {
      resolve(undefined);
      // Or else the port would not be free for a minute.
      socket.resetAndDestroy();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on('close', () => resolve('closed'));
  });
}
