/** A client that writes without pause, sends again what was not acknowledged, and follows what others write. */
import { RawClient, type Incoming } from '../support/client.js';
import { nextValue, type Ledger } from './ledger.js';

export interface WriterOptions {
  readonly clientId: string;
  readonly encoding: 'binary' | 'json';
  /** Whether it writes `delta_batch` instead of `delta`. */
  readonly batches: boolean;
  readonly documents: readonly string[];
  readonly ledger: Ledger;
}

interface Write {
  readonly documentId: string;
  readonly fields: readonly string[];
  readonly value: number;
  readonly count: number;
}

/** Messages under way. */
const WINDOW = 20;
/** Fields that all writers share; each has as many of its own. */
const FIELDS = 10;

export class Writer {
  /** What it would show its user. */
  readonly view = new Map<string, Record<string, unknown>>();
  readonly #options: WriterOptions;
  /** By message id; kept over connections. */
  readonly #unacked = new Map<string, Write>();
  #client: RawClient | undefined;
  #count = 0;
  #writing = false;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  get unacked(): number {
    return this.#unacked.size;
  }

  get connected(): boolean {
    return this.#client !== undefined && this.#client.closed === undefined;
  }

  /** Connects, subscribes, sends again what is open, and goes on writing. */
  async connect(url: string): Promise<void> {
    const client = await RawClient.connect(url, { encoding: this.#options.encoding });
    this.#client = client;
    client.onMessage = (message) => {
      client.messages.length = 0;
      if (this.#client === client) this.#receive(message);
    };
    for (const documentId of this.#options.documents) client.send('subscribe', { documentId });
    for (const [messageId, write] of this.#unacked) this.#send(messageId, write);
    this.#writing = true;
    this.#fill();
  }

  /** Writes nothing new any more. */
  pause(): void {
    this.#writing = false;
  }

  close(): void {
    this.#client?.socket.terminate();
  }

  #fill(): void {
    while (this.#writing && this.connected && this.#unacked.size < WINDOW) {
      const { documents, batches, clientId } = this.#options;
      const count = ++this.#count;
      const documentId = documents[count % documents.length] ?? '';
      const names = [`shared${count % FIELDS}`, `${clientId}-${count % FIELDS}`];
      const fields = batches ? names : [names[count % 2] ?? ''];
      const write: Write = { documentId, fields, value: nextValue(), count };
      const messageId = `${clientId}:${count}`;
      this.#unacked.set(messageId, write);
      this.#send(messageId, write);
    }
  }

  #send(messageId: string, { documentId, fields, value, count }: Write): void {
    const { clientId, batches } = this.#options;
    const clock = { [clientId]: count };
    const [field] = fields;
    if (!batches) {
      this.#client?.send('delta', { documentId, field, value, clock, clientId, timestamp: value, messageId }, value);
      return;
    }
    const deltas = fields.map((name) => ({
      type: 'set',
      documentId,
      field: name,
      value,
      clock,
      clientId,
      timestamp: value,
    }));
    this.#client?.send('delta_batch', { documentId, deltas, messageId });
  }

  #receive(message: Incoming): void {
    const documentId = message['documentId'] as string;
    switch (message.type) {
      case 'ack': {
        const messageId = message['messageId'] as string;
        const write = this.#unacked.get(messageId);
        if (write === undefined) return;
        this.#unacked.delete(messageId);
        for (const field of write.fields) this.#options.ledger.acknowledge(write.documentId, field, write.value);
        this.#fill();
        return;
      }
      case 'sync_response':
        this.view.set(documentId, { ...(message['state'] as object) });
        return;
      case 'delta':
        this.#show(documentId, message['field'] as string, message['value']);
        return;
      case 'delta_batch':
        for (const { field, value } of message['deltas'] as { field: string; value: unknown }[]) {
          this.#show(documentId, field, value);
        }
        return;
      default:
    }
  }

  #show(documentId: string, field: string, value: unknown): void {
    const shown = this.view.get(documentId) ?? {};
    shown[field] = value;
    this.view.set(documentId, shown);
  }
}

/** One writer of each kind: binary and JSON, one field at a time and in batches. */
export function writersOfAllKinds(documents: readonly string[], ledger: Ledger): Writer[] {
  return (['binary', 'json'] as const).flatMap((encoding) =>
    [false, true].map((batches) => {
      const clientId = `${encoding}-${batches ? 'batches' : 'deltas'}`;
      return new Writer({ clientId, encoding, batches, documents, ledger });
    }),
  );
}
