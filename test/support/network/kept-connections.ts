/** Clients that connect again whenever they are disconnected, as the SDK does. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ModelClient } from '../clients/model-client.js';

/** The SDK waits for 1 s at first; the tests wait less. */
const FIRST_DELAY_MS = 100;
const FACTOR = 1.5;
const MAX_DELAY_MS = 3_000;

export class KeptConnections {
  /** The close code of every connection that ended by the server. */
  readonly closeCodes: number[] = [];
  /** Attempts to connect that failed, by their reason. */
  readonly failed = new Map<string, number>();
  readonly #url: string;
  readonly #onConnected: (client: ModelClient) => void;
  readonly #loops: Promise<void>[];
  #ended = false;

  /** @param onConnected What a client does with each new connection. */
  constructor(url: string, clients: readonly ModelClient[], onConnected: (client: ModelClient) => void) {
    this.#url = url;
    this.#onConnected = onConnected;
    this.#loops = clients.map((client) => this.#keep(client));
  }

  /** From now on nobody connects again; resolves when all are disconnected. */
  async end(): Promise<void> {
    this.#ended = true;
    await Promise.all(this.#loops);
  }

  async #keep(client: ModelClient): Promise<void> {
    let delay = FIRST_DELAY_MS;
    while (!this.#ended) {
      try {
        await client.connect(this.#url);
        const closed = this.#closed(client);
        this.#onConnected(client);
        delay = FIRST_DELAY_MS;
        await closed;
      } catch (error) {
        const reason = (error as NodeJS.ErrnoException).code ?? String(error);
        this.failed.set(reason, (this.failed.get(reason) ?? 0) + 1);
        delay = Math.min(delay * FACTOR, MAX_DELAY_MS);
      }
      await sleep(delay * (0.5 + Math.random() / 2));
    }
  }

  #closed(client: ModelClient): Promise<void> {
    const socket = client.connection?.socket;
    if (socket === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      socket.once('close', (code) => {
        if (!this.#ended) this.closeCodes.push(code);
        resolve();
      });
    });
  }
}
