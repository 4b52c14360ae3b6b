/**
 * A client that does what SDK 0.3 does with a document: it counts its own writes, shows each at once unless what it holds
 * has a larger clock, and sends them together after a pause.
 */
import type { RawClient, Incoming } from '../clients/client.js';
import { ModelDocument, type Clock } from '../clients/model-document.js';
import { Listeners, type FormClient, type FormClientOptions } from './form-client.js';
import { Link } from './link.js';

/** In what kind of message it writes, and so is told of changes. */
export type Delivery = 'delta' | 'delta_batch';

interface Operation {
  readonly field: string;
  readonly value: unknown;
  readonly clock: Clock;
  readonly timestamp: number;
}

const PAUSE_MS = 50;
const MOST_QUEUED = 50;

export class ModelSdk extends Listeners implements FormClient {
  readonly clientId: string;
  readonly problems: string[] = [];
  readonly #documentId: string;
  readonly #delivery: Delivery;
  readonly #document = new ModelDocument();
  readonly #link: Link;
  #queue: Operation[] = [];
  #timer: NodeJS.Timeout | undefined;
  #asked = 0;
  #answered = 0;

  private constructor(options: FormClientOptions, delivery: Delivery) {
    super();
    this.clientId = options.clientId;
    this.#documentId = options.documentId;
    this.#delivery = delivery;
    this.#link = new Link({
      url: options.url,
      encoding: delivery === 'delta' ? 'binary' : 'json',
      onOpen: (connection) => this.#subscribe(connection),
      onMessage: (message) => this.#receive(message),
      // The answer to the second subscription is part of the first round trip.
      onAck: () => this.#answered === this.#asked && this.acked(),
    });
  }

  /** Resolves when it has sent its subscription; `answered` says whether the answer came. */
  static async open(options: FormClientOptions, delivery: Delivery): Promise<ModelSdk> {
    const sdk = new ModelSdk(options, delivery);
    await sdk.#link.open();
    return sdk;
  }

  get answered(): boolean {
    return this.#answered > 0;
  }

  get unacked(): number {
    return this.#queue.length + this.#link.unacked;
  }

  get(field: string): unknown {
    return this.#document.get(field);
  }

  set(field: string, value: unknown): void {
    const clock = this.#document.write(this.clientId, [[field, value]]);
    this.#queue.push({ field, value, clock, timestamp: Date.now() });
    clearTimeout(this.#timer);
    if (this.#queue.length >= MOST_QUEUED) this.#flush();
    else this.#timer = setTimeout(() => this.#flush(), PAUSE_MS);
    this.shown();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#link.close();
  }

  #flush(): void {
    const { clientId } = this;
    const documentId = this.#documentId;
    const operations = this.#queue.splice(0).map((operation) => ({ documentId, clientId, ...operation }));
    if (this.#delivery === 'delta') {
      for (const operation of operations) this.#link.send('delta', operation, 1);
    } else {
      const deltas = operations.map((operation) => ({ type: 'set', ...operation }));
      this.#link.send('delta_batch', { documentId, deltas }, deltas.length);
    }
  }

  /** Twice, as the SDK may do when it opens a document. */
  #subscribe(connection: RawClient): void {
    const documentId = this.#documentId;
    // Shows what it understands before the first change can come.
    if (this.#delivery === 'delta_batch') connection.send('awareness_subscribe', { documentId });
    connection.send('subscribe', { documentId });
    connection.send('subscribe', { documentId });
    // What was asked on a connection that broke is not answered.
    this.#asked = 2;
    this.#answered = 0;
  }

  #receive(message: Incoming): void {
    try {
      this.#take(message);
    } catch (error) {
      this.problems.push(String(error));
    }
    this.shown();
  }

  #take(message: Incoming): void {
    switch (message.type) {
      case 'delta':
        this.#put(message);
        return;
      case 'delta_batch':
        if (this.#delivery === 'delta') throw new Error('delta_batch came to a client that knows only delta');
        for (const entry of message['deltas'] as Incoming[]) this.#put(entry);
        return;
      case 'sync_response':
        for (const [field, value] of Object.entries(message['state'] as object)) {
          this.#document.receive(field, value, message['clock'], 'server');
        }
        this.#answered++;
        return;
      case 'awareness_state':
        return;
      default:
        throw new Error(`${message.type} came: ${JSON.stringify(message)}`);
    }
  }

  #put({ field, value, clock, clientId }: Readonly<Record<string, unknown>>): void {
    this.#document.receive(field as string, value, clock, clientId as string);
  }
}
