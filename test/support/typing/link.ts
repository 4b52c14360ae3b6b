/** A connection that comes back after it broke, and the writes of a client until they are acknowledged. */
import type { MessageType } from '../../../src/protocol/codes.js';
import { RawClient, type Incoming } from '../clients/client.js';

export interface LinkOptions {
  readonly url: string;
  readonly encoding: 'binary' | 'json';
  /** Called on each new connection before what was not acknowledged is sent again. */
  readonly onOpen: (connection: RawClient) => void;
  /** Called for each message but acknowledgements. */
  readonly onMessage: (message: Incoming) => void;
  readonly onAck: () => void;
}

interface Unacked {
  readonly type: MessageType;
  readonly fields: Record<string, unknown>;
  readonly timestamp: number;
  readonly writes: number;
}

const RECONNECT_MS = 250;

export class Link {
  readonly #options: LinkOptions;
  readonly #unacked = new Map<string, Unacked>();
  #connection: RawClient | undefined;
  #closed = false;
  #messages = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Writes in the messages that are not acknowledged. */
  get unacked(): number {
    return [...this.#unacked.values()].reduce((sum, { writes }) => sum + writes, 0);
  }

  async open(): Promise<void> {
    const { url, encoding, onOpen } = this.#options;
    const connection = await RawClient.connect(url, { encoding });
    if (this.#closed) {
      connection.socket.terminate();
      return;
    }
    this.#connection = connection;
    connection.onMessage = (message) => {
      connection.messages.length = 0;
      this.#receive(message);
    };
    connection.socket.once('close', () => {
      this.#connection = undefined;
      this.#reopen();
    });
    onOpen(connection);
    for (const message of this.#unacked.values()) this.#transmit(message);
  }

  /**
   * Sends a message of writes, and again on each later connection until it is acknowledged.
   *
   * @param writes How many are in it.
   */
  send(type: MessageType, fields: Record<string, unknown>, writes: number): void {
    const messageId = `w${++this.#messages}`;
    const message: Unacked = { type, fields: { messageId, ...fields }, timestamp: Date.now(), writes };
    this.#unacked.set(messageId, message);
    this.#transmit(message);
  }

  close(): void {
    this.#closed = true;
    this.#connection?.socket.terminate();
  }

  #transmit({ type, fields, timestamp }: Unacked): void {
    this.#connection?.send(type, fields, timestamp);
  }

  #reopen(): void {
    if (this.#closed) return;
    setTimeout(() => {
      if (!this.#closed) this.open().catch(() => this.#reopen());
    }, RECONNECT_MS);
  }

  #receive(message: Incoming): void {
    if (message.type !== 'ack') this.#options.onMessage(message);
    else if (this.#unacked.delete(message['messageId'] as string)) this.#options.onAck();
  }
}
