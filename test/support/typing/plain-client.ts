/** A client without clocks: what it writes and what comes is shown as it is, the last one counting. */
import type { RawClient, Incoming } from '../clients/client.js';
import { isDeleted } from '../clients/model-document.js';
import { Listeners, type FormClient, type FormClientOptions } from './form-client.js';
import { Link } from './link.js';
import type { Delivery } from './model-sdk.js';

export class PlainClient extends Listeners implements FormClient {
  readonly clientId: string;
  readonly problems: string[] = [];
  readonly #documentId: string;
  readonly #delivery: Delivery;
  readonly #values = new Map<string, unknown>();
  readonly #link: Link;
  #answered = false;

  private constructor(options: FormClientOptions, delivery: Delivery) {
    super();
    this.clientId = options.clientId;
    this.#documentId = options.documentId;
    this.#delivery = delivery;
    this.#link = new Link({
      url: options.url,
      encoding: delivery === 'delta' ? 'json' : 'binary',
      onOpen: (connection) => this.#subscribe(connection),
      onMessage: (message) => this.#receive(message),
      onAck: () => this.acked(),
    });
  }

  /** Resolves when it has sent its subscription; `answered` says whether the answer came. */
  static async open(options: FormClientOptions, delivery: Delivery): Promise<PlainClient> {
    const plain = new PlainClient(options, delivery);
    await plain.#link.open();
    return plain;
  }

  get answered(): boolean {
    return this.#answered;
  }

  get unacked(): number {
    return this.#link.unacked;
  }

  get(field: string): unknown {
    const value = this.#values.get(field);
    return isDeleted(value) ? undefined : value;
  }

  set(field: string, value: unknown): void {
    const documentId = this.#documentId;
    this.#values.set(field, value);
    if (this.#delivery === 'delta') this.#link.send('delta', { documentId, field, value }, 1);
    else this.#link.send('delta_batch', { documentId, deltas: [{ type: 'set', field, value }] }, 1);
    this.shown();
  }

  close(): void {
    this.#link.close();
  }

  #subscribe(connection: RawClient): void {
    const documentId = this.#documentId;
    if (this.#delivery === 'delta_batch') connection.send('awareness_subscribe', { documentId });
    connection.send('subscribe', { documentId });
  }

  #receive(message: Incoming): void {
    const { type } = message;
    if (type === 'delta') this.#put(message);
    else if (type === 'delta_batch' && this.#delivery === 'delta_batch') {
      for (const entry of message['deltas'] as Incoming[]) this.#put(entry);
    } else if (type === 'sync_response') {
      for (const [field, value] of Object.entries(message['state'] as object)) this.#values.set(field, value);
      this.#answered = true;
    } else if (type !== 'awareness_state') this.problems.push(`${type} came: ${JSON.stringify(message)}`);
    this.shown();
  }

  #put({ field, value }: Readonly<Record<string, unknown>>): void {
    this.#values.set(field as string, value);
  }
}
