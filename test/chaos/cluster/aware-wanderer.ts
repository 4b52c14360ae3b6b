/** A client that shows something of itself in a document, and sees what others show. */
import { RawClient, type Incoming } from '../../support/clients/client.js';
import type { Random } from '../../support/random.js';
import { CONNECT_TIMEOUT_MS, type Wanderer } from './wanderer.js';

/** A state that was not sent for so long is sent again, before it leaves (SYNCKIT_AWARENESS_TIMEOUT_MS). */
const RENEW_MS = 800;

interface Seen {
  readonly clientId: string;
  readonly state: { readonly shown: number } | null;
  readonly clock: number;
}

export class AwareWanderer implements Wanderer {
  readonly problems: string[] = [];
  /** What it shows. */
  shown = 0;
  readonly #documentId: string;
  readonly #encoding: 'binary' | 'json';
  #connection: RawClient | undefined;
  #seen = new Map<string, Seen>();
  #joined = false;
  #clock = 0;
  #sentAt = 0;
  /** The largest clock of its own that came back, and how often one did. */
  #heard = 0;
  #acks = 0;

  constructor(
    readonly name: string,
    documentId: string,
    encoding: 'binary' | 'json',
  ) {
    this.#documentId = documentId;
    this.#encoding = encoding;
  }

  get connected(): boolean {
    return this.#connection !== undefined && this.#connection.closed === undefined;
  }

  get settled(): boolean {
    return this.connected && this.#joined && this.#heard === this.#clock;
  }

  get acks(): number {
    return this.#acks;
  }

  /** Who shows what, itself included, as comparable text. */
  get sight(): string {
    const lines = Array.from(this.#seen.values(), ({ clientId, state }) => `${clientId} shows ${state?.shown}`);
    return lines.sort().join(', ');
  }

  async connect(url: string): Promise<string> {
    const connection = await RawClient.connect(url, {
      encoding: this.#encoding,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
    });
    this.#connection = connection;
    this.#joined = false;
    this.#seen = new Map();
    connection.onMessage = (message) => {
      connection.messages.length = 0;
      if (connection === this.#connection) this.#take(message);
    };
    connection.send('awareness_subscribe', { documentId: this.#documentId });
    this.#send();
    return 'who is there';
  }

  act(random: Random): void {
    if (random.once(4)) {
      this.shown++;
      this.#send();
    } else {
      this.nudge();
    }
  }

  nudge(): void {
    if (performance.now() - this.#sentAt > RENEW_MS) this.#send();
  }

  disconnect(): void {
    this.#connection?.socket.terminate();
    this.#connection = undefined;
  }

  #send(): void {
    if (!this.connected) return;
    this.#sentAt = performance.now();
    const state = { shown: this.shown };
    const update = { documentId: this.#documentId, clientId: this.name, state, clock: ++this.#clock };
    this.#connection?.send('awareness_update', update);
  }

  #take(message: Incoming): void {
    switch (message.type) {
      case 'awareness_state':
        for (const seen of message['states'] as Seen[]) this.#see(seen);
        this.#joined = true;
        return;
      case 'awareness_update':
        this.#see(message as unknown as Seen);
        return;
      case 'error':
        if ((message['details'] as { code: string }).code === 'SHUTTING_DOWN') return;
        this.problems.push(JSON.stringify(message));
        return;
      default:
    }
  }

  /** By clocks, as the SDKs do it. */
  #see(seen: Seen): void {
    const { clientId, state, clock } = seen;
    const former = this.#seen.get(clientId);
    if (state === null) {
      if (former !== undefined && clock >= former.clock) this.#seen.delete(clientId);
    } else if (former === undefined || clock > former.clock) {
      this.#seen.set(clientId, seen);
    }
    if (clientId !== this.name || state === null) return;
    this.#heard = Math.max(this.#heard, clock);
    this.#acks++;
  }
}
