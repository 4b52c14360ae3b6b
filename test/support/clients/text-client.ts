/** A client with one collaborative text over a real connection: sends its whole state, and takes what others send. */
import type { Incoming } from './client.js';
import { RawClient, type ClientOptions } from './client.js';
import { TextReplica, type TextMessage } from './text-replica.js';

interface TextEntry extends TextMessage {
  readonly type: string;
}

const RETRY_MS = 50;

export class TextClient {
  readonly replica: TextReplica;
  /** The states that were acknowledged, the last one last. */
  readonly acked: string[] = [];
  readonly problems: string[] = [];
  /** Whether what comes waits for `deliver`, so that the client edits what is no longer the newest. */
  slow = false;
  readonly #options: ClientOptions;
  #connection: RawClient | undefined;
  /** What has come and is not taken. */
  #coming: TextMessage[] = [];
  /** Whether the connection has brought the server's text, and what of it does. */
  #joined = false;
  #joinsWith: 'sync_response' | 'ack' = 'sync_response';
  /** Edits that no connection has sent. */
  #dirty = false;
  /** The states that are not acknowledged, by message id. */
  #sent = new Map<string, string>();

  constructor(
    clientId: string,
    readonly documentId: string,
    options: ClientOptions = {},
  ) {
    this.replica = new TextReplica(clientId);
    this.#options = options;
  }

  get connected(): boolean {
    return this.#connection?.closed === undefined && this.#connection !== undefined;
  }

  /** Whether it is connected and has been given the server's text. */
  get joined(): boolean {
    return this.connected && this.#joined;
  }

  /** Whether all that was edited is sent and acknowledged. */
  get settled(): boolean {
    return this.joined && this.#coming.length === 0 && !this.#dirty && this.#sent.size === 0;
  }

  /** Connects and asks for the server's text; what no server was seen to take is to be sent again. */
  async connect(url: string, options: ClientOptions = {}): Promise<void> {
    const connection = await this.#open(url, 'sync_response', options);
    connection.send('subscribe', { documentId: this.documentId });
  }

  /** Connects and only sends what it has: what it lacks has to come before the ack. */
  async comeBack(url: string): Promise<void> {
    await this.#open(url, 'ack');
    this.#dirty = true;
    this.send();
  }

  drop(): void {
    this.#connection?.socket.terminate();
    this.#connection = undefined;
  }

  /** Takes the oldest messages that have come. */
  deliver(count = this.#coming.length): void {
    for (const message of this.#coming.splice(0, count)) this.replica.receive(message);
  }

  insert(position: number, text: string): void {
    this.replica.insert(position, text);
    this.#dirty = true;
  }

  delete(position: number, length: number): void {
    this.replica.delete(position, length);
    this.#dirty = true;
  }

  /** Sends the state if there is something to send and a connection. @returns Whether it did. */
  send(): boolean {
    const connection = this.#connection;
    if (!this.#dirty || connection === undefined || !this.connected) return false;
    this.#dirty = false;
    const { clientId } = this.replica;
    const state = this.replica.state();
    const operation = { type: 'text-state', documentId: this.documentId, state, clientId, timestamp: Date.now() };
    const deltas = [{ ...operation, clock: this.#sent.size + 1 }];
    this.#sent.set(connection.send('delta_batch', { documentId: this.documentId, deltas }), state);
    return true;
  }

  async #open(url: string, joinsWith: 'sync_response' | 'ack', options: ClientOptions = {}): Promise<RawClient> {
    const connection = await RawClient.connect(url, { ...this.#options, ...options });
    this.#connection = connection;
    if (this.#sent.size > 0) this.#dirty = true;
    this.#sent = new Map();
    connection.onMessage = (message) => {
      if (connection === this.#connection) this.#take(message);
    };
    this.#joined = false;
    this.#joinsWith = joinsWith;
    this.#coming = [];
    return connection;
  }

  #take(message: Incoming): void {
    if (message.type === this.#joinsWith) this.#joined = true;
    switch (message.type) {
      case 'sync_response':
        if (typeof message['textState'] === 'string') this.#receive(message['textState'], 'server');
        return;
      case 'delta_batch':
        for (const entry of message['deltas'] as TextEntry[]) {
          if (entry.type === 'text-state') this.#receive(entry.state, entry.clientId);
        }
        return;
      case 'ack': {
        const state = this.#sent.get(message['messageId'] as string);
        this.#sent.delete(message['messageId'] as string);
        if (state !== undefined) this.acked.push(state);
        return;
      }
      case 'error':
        this.#refused(message);
        return;
      default:
    }
  }

  #refused(message: Incoming): void {
    const { code, messageId } = message['details'] as { code: string; messageId?: string };
    // What a draining server refuses is sent again on the next connection.
    if (code === 'SHUTTING_DOWN') return;
    if (code !== 'STORAGE_UNAVAILABLE' || messageId === undefined) {
      this.problems.push(JSON.stringify(message));
      return;
    }
    // The state of now holds the one that was refused.
    if (this.#sent.delete(messageId)) this.#dirty = true;
    else if (!this.#joined) this.#subscribeAgain();
  }

  #subscribeAgain(): void {
    const connection = this.#connection;
    setTimeout(() => {
      if (connection === this.#connection) connection?.send('subscribe', { documentId: this.documentId });
    }, RETRY_MS);
  }

  #receive(state: string, clientId: string): void {
    this.#coming.push({ state, clientId });
    if (!this.slow) this.deliver();
  }
}
